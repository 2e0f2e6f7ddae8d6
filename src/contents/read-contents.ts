/** Reads one manifest of a repository and writes down what it holds, a batch a transaction; it shows as a whole, or not at all. */
import {
  beginImage,
  findImage,
  type ImageFacts,
  insertFindings,
  insertPackages,
  insertStatements,
  showImage,
} from '../db/content/images.ts'
import { inChunks } from '../db/engine/chunks.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import { assertFence, type Fence } from '../jobs/fence.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { clipped } from '../lib/quoted.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import { entriesOf, type ImageSummary } from './image-entries.ts'
import { type ImageRows, rowsOf } from './image-rows.ts'
import { findListing } from './indexes.ts'
import { makeRoom } from './make-room.ts'
import type { Storage } from './read-document.ts'
import { type DocumentReading, type ImagePlace, type ImageReading, readImage } from './read-image.ts'
import { findPlace, ownPlatform } from './tagged-image.ts'

/** Another way to read makes all images be read again. */
const VERSION = 1
/** Rows of one transaction: others write in between. */
const BATCH = 1000
/** What an organization's images take in the database, about; those that were hidden do not count. */
export const MAX_ORGANIZATION_BYTES = 1024 * 1024 * 1024
const MAX_PROBLEM = 300
/** The key of what is not known: whatever comes, it is read again. */
const NO_KEY = ''

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
  readonly maxBytes?: number
}

export interface ReadTarget {
  readonly organizationId: string
  readonly repositoryId: string
  readonly digest: Digest
  /** It was tried often enough: that it cannot be read is all that is written down. */
  readonly isGivenUp?: boolean
}

/**
 * @returns how many rows were written: what is known already is not read again
 * @throws AppError CANCELLED, CONFLICT when another server reads now, and what storage throws
 */
export async function readContents(deps: ReadDeps, target: ReadTarget, signal: AbortSignal): Promise<number> {
  const { db } = deps
  const { organizationId, repositoryId, digest, isGivenUp = false } = target
  const listing = await findListing(db.read, repositoryId, digest)
  const place = await findPlace(deps, repositoryId, digest, listing.index)
  if (place === undefined) return 0
  const key = keyOf(place)
  const known = await findImage(db.read, repositoryId, digest)
  const limit = deps.maxBytes ?? MAX_ORGANIZATION_BYTES
  const hasRoom = (bytes: number) =>
    makeRoom(deps, organizationId, { bytes, limit, besides: known === undefined ? undefined : Number(known.seq) })
  if (known?.documents_key === key) {
    // What was left out is read once there is room, and not to find out again that there is none.
    if (known.wanted_bytes === 0 || !(await hasRoom(known.wanted_bytes))) return 0
  }
  const reading = isGivenUp ? unreadable(place) : await readImage(deps, { ...place, config: undefined }, signal)
  const entries = await entriesOf(reading)
  const documents = documentsOf(reading.read)
  let rows = await rowsOf(entries, placesIn(documents))
  const bytes = rows.bytes + Buffer.byteLength(JSON.stringify(documents))
  const isLeftOut = rows.bytes > 0 && !(await hasRoom(bytes))
  if (isLeftOut) {
    const problem = `the organization's other images have ${limit} bytes of packages and vulnerabilities, which is the most`
    rows = await rowsOf({ packages: [], findings: [], problem }, placesIn(documents))
  }
  const platform = listing.platform || ((await ownPlatform(deps, repositoryId, place.config)) ?? '')
  const facts: Omit<ImageFacts, 'organization_id' | 'read_at'> = {
    platform,
    documents_key: isGivenUp ? NO_KEY : key,
    documents: JSON.stringify(documents),
    packages: rows.packageCount,
    findings: rows.findings.length,
    summary: JSON.stringify(entries.summary satisfies ImageSummary),
    problem: isGivenUp ? UNREADABLE : (rows.problem ?? null),
    bytes: isLeftOut ? 0 : bytes,
    wanted_bytes: isLeftOut ? bytes : 0,
  }
  await write(deps, target, facts, rows)
  return rows.packages.length + rows.findings.length + rows.statements.length
}

const UNREADABLE =
  'reading was begun several times and never came to its end; it is tried again when something is pushed to it'

function unreadable({ digest, documents }: ImagePlace): ImageReading {
  return {
    contents: { digest, config: undefined, packages: new Map(), findings: new Map(), vex: [] },
    unread: [],
    read: documents.map((document) => ({ document, problem: 'it was not read to its end' })),
    packagesFrom: new Map(),
    findingsFrom: new Map(),
  }
}

function documentsOf(read: readonly DocumentReading[]): ReadDocument[] {
  return read.map(({ document, problem }) => {
    const { blob, manifest, kind, form, sizeBytes } = document
    const why = problem === undefined ? null : clipped(problem, MAX_PROBLEM)
    return { blob, manifest, kind, form, sizeBytes, problem: why }
  })
}

function placesIn(documents: readonly ReadDocument[]) {
  const places = new Map(documents.map(({ blob }, i) => [blob, i]))
  return (blobs: readonly Digest[]) => JSON.stringify(blobs.flatMap((blob) => places.get(blob) ?? []))
}

async function write(
  { db, clock, fence }: ReadDeps,
  { organizationId, repositoryId, digest }: ReadTarget,
  facts: Omit<ImageFacts, 'organization_id' | 'read_at'>,
  rows: ImageRows,
): Promise<void> {
  // Lost with the power it is read again: so is that it was wanted, which is written after it.
  const inFence = <T>(work: (tx: Transaction) => Promise<T>) =>
    db.stage(async (tx) => {
      await assertFence(tx, fence)
      return work(tx)
    })
  const own = { organization_id: organizationId }
  const seq = await inFence((tx) => beginImage(tx, { ...facts, ...own, read_at: isoTime(clock.now()) }))
  const place = { image_seq: seq, ...own }
  for (const chunk of inChunks(rows.packages, BATCH))
    await inFence((tx) =>
      insertPackages(
        tx,
        chunk.map((row) => ({ ...row, ...place })),
      ),
    )
  for (const chunk of inChunks(rows.statements, BATCH))
    await inFence((tx) =>
      insertStatements(
        tx,
        chunk.map((row) => ({ ...row, image_seq: seq })),
      ),
    )
  for (const chunk of inChunks(rows.findings, BATCH))
    await inFence((tx) =>
      insertFindings(
        tx,
        chunk.map((row) => ({ ...row, ...place })),
      ),
    )
  await inFence((tx) => showImage(tx, seq, repositoryId, digest))
}

/** Of all that is read: an attestation more or less makes another. */
function keyOf({ digest, documents }: ImagePlace): string {
  const facts = documents.map(({ kind, form, blob, subject }) => [kind, form, blob, subject])
  return digestOf(JSON.stringify([VERSION, digest, facts]))
}
