/** Fills `ImageContents` from an image's config and attestations, within bounds of bytes and entries. */
import { findRepositoryBlob } from '../db/content/blobs.ts'
import { AppError, isAppError } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import { clipped } from '../lib/quoted.ts'
import type { Digest } from '../oci/digest.ts'
import type { Document } from './documents.ts'
import { configOf } from './image-config.ts'
import type { Finding, ImageConfig, ImageContents, Package, SbomFormat, VexStatement } from './image-contents.ts'
import { readDocument, type Storage } from './read-document.ts'
import { findingsOf, packagesOf, statementsOf } from './read-entries.ts'

/** As `registry/platforms.ts`: real configs have some kilobytes. */
const MAX_CONFIG_BYTES = 1024 * 1024
/** All documents of one image, as their descriptors say; each one is held to its own limit when it is read. */
const MAX_TOTAL_BYTES = 160 * 1024 * 1024
/**
 * Packages, findings and statements of one image, of all its documents together; whole distributions have some ten thousand. A statement's
 * other ids count as well: whatever is made of an image is in proportion to this, however many documents it is spread over.
 */
export const MAX_ENTRIES = 50_000

export interface ImagePlace {
  readonly repositoryId: string
  readonly digest: Digest
  readonly config: Digest | undefined
  readonly documents: readonly Document[]
}

export interface ImageReading {
  readonly contents: ImageContents
  /** Documents that told nothing, and why. */
  readonly unread: readonly string[]
  readonly read: readonly DocumentReading[]
  readonly packagesFrom: Sources
  readonly findingsFrom: Sources
}

/** What became of one document. */
export interface DocumentReading {
  readonly document: Document
  /** Why it tells nothing; undefined: it tells something, unless a later one of its kind does in its place. */
  readonly problem: string | undefined
}

/** Which document the entries of a kind are from. */
export type Sources = ReadonlyMap<string, Digest>

const PATHS: Record<Document['kind'], readonly string[]> = {
  cyclonedx: ['components.*', 'vulnerabilities.*', 'metadata.timestamp'],
  spdx: ['packages.*', 'creationInfo.created'],
  vulns: [
    'scanner.result.*',
    'scanner.result.Results.*.Vulnerabilities.*',
    'scanner.result.matches.*',
    'metadata.scanFinishedOn',
  ],
  scout: ['*'],
  vex: ['statements.*', 'timestamp'],
  sarif: ['runs.*.results.*'],
}

/** @throws AppError CANCELLED */
export async function readImage(storage: Storage, place: ImagePlace, signal: AbortSignal): Promise<ImageReading> {
  const packages = new Map<SbomFormat, Dated<Package>>()
  const findings = new Map<string, Dated<Finding>>()
  const vex: VexStatement[] = []
  const unread: string[] = []
  const readings: DocumentReading[] = []
  const tellNothing = (document: Document, problem: string) => {
    unread.push(problem)
    readings.push({ document, problem })
  }
  let bytes = 0
  // VEX last: what it is about comes before what is said of it, should both be too much.
  const isVex = ({ kind }: Document) => Number(kind === 'vex')
  for (const document of place.documents.toSorted((a, b) => isVex(a) - isVex(b))) {
    bytes += document.sizeBytes
    if (bytes > MAX_TOTAL_BYTES) {
      tellNothing(document, `the attestations have more than ${MAX_TOTAL_BYTES} bytes together`)
      break
    }
    const left = MAX_ENTRIES - heldBeside(document.kind, { packages, findings, vex })
    const read = await readOne(storage, place.repositoryId, document, left, signal).catch((error: unknown) => {
      // What somebody has written tells nothing; what is not there, or breaks off, is another matter.
      if (isAppError(error, 'SIZE_INVALID') || isAppError(error, 'UPSTREAM_INVALID')) return clipped(error.message, 300)
      throw error
    })
    if (typeof read === 'string') tellNothing(document, read)
    else {
      const { kind, blob } = document
      readings.push({ document, problem: undefined })
      if (kind === 'cyclonedx' || kind === 'spdx') keepNewest(packages, kind, { ...read, blob, items: read.packages })
      if (REPORTS.has(kind)) keepNewest(findings, kind, { ...read, blob, items: read.findings })
      if (kind === 'cyclonedx' && read.findings.length > 0) {
        keepNewest(findings, kind, { ...read, blob, items: read.findings })
      }
      for (const one of read.statements) vex.push({ ...one, document: blob })
    }
  }
  const config = await readConfig(storage, place)
  return {
    contents: { digest: place.digest, config, packages: itemsOf(packages), findings: itemsOf(findings), vex },
    unread,
    read: readings,
    packagesFrom: sourcesOf(packages),
    findingsFrom: sourcesOf(findings),
  }
}

/** Kinds that are a report and nothing else: one without an entry says that there is nothing. */
const REPORTS: ReadonlySet<Document['kind']> = new Set(['vulns', 'scout', 'sarif'])

/** What the documents before hold, without what one of this kind takes the place of, if it does not give way itself. */
function heldBeside(
  kind: Document['kind'],
  o: {
    readonly packages: ReadonlyMap<string, Dated<Package>>
    readonly findings: ReadonlyMap<string, Dated<Finding>>
    readonly vex: readonly VexStatement[]
  },
): number {
  let held = weightOf(o.vex)
  for (const map of [o.packages, o.findings]) for (const [of, { items }] of map) if (of !== kind) held += items.length
  return held
}

/** A statement is looked up by each of its ids. */
function weightOf(statements: readonly VexStatement[]): number {
  return statements.reduce((sum, { aliases = [] }) => sum + 1 + aliases.length, 0)
}

interface Dated<T> {
  readonly at: string
  readonly blob: Digest
  readonly items: readonly T[]
}

/** Of two documents of a kind, the one that was made later: a scan is done again, an SBOM written anew. */
function keepNewest<K, T>(all: Map<K, Dated<T>>, kind: K, { at, blob, items }: Dated<T>): void {
  const known = all.get(kind)
  if (known === undefined || known.at <= at) all.set(kind, { at, blob, items })
}

function sourcesOf(all: ReadonlyMap<string, Dated<unknown>>): Sources {
  return new Map([...all].map(([kind, { blob }]) => [kind, blob]))
}

function itemsOf<K, T>(all: ReadonlyMap<K, Dated<T>>): Map<K, readonly T[]> {
  return new Map([...all].map(([kind, { items }]) => [kind, items]))
}

interface Entries {
  readonly at: string
  readonly packages: readonly Package[]
  readonly findings: readonly Finding[]
  readonly statements: readonly VexStatement[]
}

/** @param left entries that it may have @returns why it tells nothing, as a text @throws AppError SIZE_INVALID */
async function readOne(
  storage: Storage,
  repositoryId: string,
  document: Document,
  left: number,
  signal: AbortSignal,
): Promise<Entries | string> {
  const { kind } = document
  const [packages, findings, statements]: [Package[], Finding[], VexStatement[]] = [[], [], []]
  let at = ''
  let count = 0
  const isOurs = await readDocument(
    storage,
    repositoryId,
    document,
    {
      paths: PATHS[kind],
      onItem(value, keys) {
        if (typeof value === 'string') {
          const isTime = kind === 'vex' ? keys[0] === 'timestamp' : keys.length === 2
          if (isTime) at = clipped(value, 40)
          return
        }
        const isPackage = keys[0] === 'components' || keys[0] === 'packages'
        if (isPackage) count += keep(packages, packagesOf(kind, value))
        else if (kind === 'vex') {
          const told = statementsOf(value)
          keep(statements, told)
          count += weightOf(told)
        } else count += keep(findings, findingsOf(kind, value))
        // What is beyond is not even held for a moment.
        if (count > left) throw tooMany(document, left)
      },
    },
    signal,
  )
  if (!isOurs) return `the attestation ${document.blob} is about another image or of another kind than it says`
  return { at, packages, findings, statements: statements.map((one) => (one.at === '' ? { ...one, at } : one)) }
}

function keep<T>(all: T[], more: readonly T[]): number {
  for (const one of more) all.push(one)
  return more.length
}

function tooMany({ blob }: Document, left: number): AppError {
  const of = left === MAX_ENTRIES ? '' : `, with those before it,`
  return new AppError('SIZE_INVALID', `the attestation ${blob} has${of} more than ${MAX_ENTRIES} entries`)
}

async function readConfig({ db, blobs }: Storage, place: ImagePlace): Promise<ImageConfig | undefined> {
  if (place.config === undefined) return undefined
  const row = await findRepositoryBlob(db.read, place.repositoryId, place.config)
  if (row === undefined || row.size_bytes > MAX_CONFIG_BYTES) return undefined
  const text = await new Response(await blobs.open(row.storage_key)).text()
  try {
    return configOf(parseForeignJson(text))
  } catch {
    return undefined
  }
}
