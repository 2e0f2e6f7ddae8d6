/** Reads one manifest of a repository and writes down what it holds, a batch a transaction; it shows as a whole, or not at all. */
import {
  beginImage,
  countEntries,
  findImage,
  hideUntagged,
  insertFindings,
  insertPackages,
  showImage,
} from '../db/content/images.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import type { ImageFindingRow, ImagePackageRow } from '../db/schema.ts'
import { assertFence, type Fence } from '../jobs/fence.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { clipped } from '../lib/quoted.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import type { FindingEntry, ImageEntries, ImageSummary, PackageEntry } from './image-entries.ts'
import { entriesOf } from './image-entries.ts'
import { findListing } from './indexes.ts'
import type { Storage } from './read-document.ts'
import { type DocumentReading, type ImagePlace, readImage } from './read-image.ts'
import { findPlace, ownPlatform } from './tagged-image.ts'

/** Another way to read makes all images be read again. */
const VERSION = 1
/** Rows of one transaction: others write in between. */
const BATCH = 1000
/** Packages and findings of one organization, those of old images included. */
export const MAX_ORGANIZATION_ENTRIES = 3_000_000
const HIDDEN_AT_ONCE = 50
const MAX_TERM = 150
const MAX_PROBLEM = 300

/** What became of one document, as `images.documents` has it. */
export interface ReadDocument {
  readonly blob: Digest
  readonly manifest: Digest
  readonly kind: string
  readonly form: string
  readonly sizeBytes: number
  /** Why it does not count; null: it was read. */
  readonly problem: string | null
}

export interface ReadDeps {
  readonly db: Database
  readonly blobs: Storage['blobs']
  readonly clock: Clock
  readonly fence: Fence
  readonly maxEntries?: number
}

export interface ReadTarget {
  readonly organizationId: string
  readonly repositoryId: string
  readonly digest: Digest
}

/**
 * @returns whether anything was written: what is known already is not read again
 * @throws AppError CANCELLED, CONFLICT when another server reads now, and what storage throws
 */
export async function readContents(deps: ReadDeps, target: ReadTarget, signal: AbortSignal): Promise<boolean> {
  const { db } = deps
  const { repositoryId, digest } = target
  const listing = await findListing(db.read, repositoryId, digest)
  const place = await findPlace(deps, repositoryId, digest, listing.index)
  if (place === undefined) return false
  const key = keyOf(place)
  const known = await findImage(db.read, target.repositoryId, target.digest)
  if (known?.documents_key === key) return false
  const reading = await readImage(deps, { ...place, config: undefined }, signal)
  let entries = entriesOf(reading)
  const limit = deps.maxEntries ?? MAX_ORGANIZATION_ENTRIES
  if (!(await hasRoom(deps, target.organizationId, entries, limit))) {
    entries = {
      ...entries,
      packages: [],
      findings: [],
      problem: `the organization has ${limit} packages and vulnerabilities of other images, which is the most`,
    }
  }
  const platform = listing.platform || ((await ownPlatform(deps, repositoryId, place.config)) ?? '')
  await write(deps, target, { key, platform, read: reading.read, entries })
  return true
}

/** Old images make room for new ones. */
async function hasRoom(deps: ReadDeps, organizationId: string, entries: ImageEntries, limit: number): Promise<boolean> {
  const wanted = entries.packages.length + entries.findings.length
  const isRoom = async () => (await countEntries(deps.db.read, organizationId)) + wanted <= limit
  while (wanted > 0 && !(await isRoom())) {
    const hidden = await deps.db.write(async (tx) => {
      await assertFence(tx, deps.fence)
      return hideUntagged(tx, organizationId, HIDDEN_AT_ONCE)
    })
    if (hidden === 0) return false
  }
  return true
}

interface Written {
  readonly key: string
  readonly platform: string
  readonly read: readonly DocumentReading[]
  readonly entries: ImageEntries
}

async function write(
  { db, clock, fence }: ReadDeps,
  target: ReadTarget,
  { key, platform, read, entries }: Written,
): Promise<void> {
  const documents = read.map(({ document, problem }): ReadDocument => {
    const { blob, manifest, kind, form, sizeBytes } = document
    return {
      blob,
      manifest,
      kind,
      form,
      sizeBytes,
      problem: problem === undefined ? null : clipped(problem, MAX_PROBLEM),
    }
  })
  const places = new Map(documents.map(({ blob }, i) => [blob, i]))
  const placesOf = (blobs: readonly Digest[]) => JSON.stringify(blobs.flatMap((blob) => places.get(blob) ?? []))
  const { organizationId } = target
  // Nothing that shows: lost with the power, it is read again.
  const inFence = <T>(work: (tx: Transaction) => Promise<T>) =>
    db.stage(async (tx) => {
      await assertFence(tx, fence)
      return work(tx)
    })
  const seq = await inFence((tx) =>
    beginImage(tx, {
      organization_id: organizationId,
      platform,
      documents_key: key,
      documents: JSON.stringify(documents),
      packages: entries.packages.length,
      findings: entries.findings.length,
      summary: JSON.stringify(entries.summary satisfies ImageSummary),
      problem: entries.problem ?? null,
      read_at: isoTime(clock.now()),
    }),
  )
  const base = { image_seq: seq, organization_id: organizationId }
  const packages = packageRows(entries.packages, base, placesOf)
  for (let i = 0; i < packages.length; i += BATCH)
    await inFence((tx) => insertPackages(tx, packages.slice(i, i + BATCH)))
  const findings = entries.findings.map((one, position) => findingRow(one, { ...base, position }, placesOf))
  for (let i = 0; i < findings.length; i += BATCH)
    await inFence((tx) => insertFindings(tx, findings.slice(i, i + BATCH)))
  await db.write(async (tx) => {
    await assertFence(tx, fence)
    await showImage(tx, seq, target.repositoryId, target.digest)
  })
}

type Base = Pick<ImagePackageRow, 'image_seq' | 'organization_id'>

function packageRows(
  packages: readonly PackageEntry[],
  base: Base,
  placesOf: (blobs: readonly Digest[]) => string,
): ImagePackageRow[] {
  const rows: ImagePackageRow[] = []
  for (const { name, version, type, purl = '', source = '', licence = '', documents } of packages) {
    const row = { ...base, name, version, type, purl, source, licence, documents: placesOf(documents) }
    rows.push({ ...row, position: rows.length, term: termOf(name), is_source: 0 })
    if (source !== '' && termOf(source) !== termOf(name)) {
      rows.push({ ...row, position: rows.length, term: termOf(source), is_source: 1 })
    }
  }
  return rows
}

function findingRow(
  one: FindingEntry,
  base: Base & { readonly position: number },
  placesOf: (blobs: readonly Digest[]) => string,
): ImageFindingRow {
  return {
    ...base,
    term: vulnerabilityTerm(one.id),
    vulnerability: one.id,
    severity: one.severity,
    score: one.score ?? '',
    package: one.package,
    version: one.version ?? '',
    fixed_in: one.fixedIn,
    documents: placesOf(one.documents),
    status: one.status,
    statement: one.statement === undefined ? null : JSON.stringify(one.statement),
  }
}

/** What a package is found by. */
export function termOf(name: string): string {
  return name.toLowerCase().slice(0, MAX_TERM)
}

/** What a vulnerability is found by. */
export function vulnerabilityTerm(id: string): string {
  return id.toUpperCase().slice(0, MAX_TERM)
}

/** Of all that is read: an attestation more or less makes another. */
function keyOf({ digest, documents }: ImagePlace): string {
  const facts = documents.map(({ kind, form, blob, subject }) => [kind, form, blob, subject])
  return digestOf(JSON.stringify([VERSION, digest, facts]))
}
