/** From the entries of an image to the rows that are written down of it, within a bound of bytes. In turns, with no effects. */
import type { ImageFindingRow, ImagePackageRow, ImageStatementRow } from '../db/schema.ts'
import { createTurns } from '../lib/turns.ts'
import type { Digest } from '../oci/digest.ts'
import type { VexStatement } from './image-contents.ts'
import type { FindingEntry, ImageEntries, PackageEntry } from './image-entries.ts'

/** A whole distribution takes some 8 MiB. */
export const MAX_IMAGE_BYTES = 32 * 1024 * 1024
/** Of a row beside its texts. */
const ROW_BYTES = 60
const MAX_TERM = 150

/** A statement as it is kept: what it is about stands in each finding, and other ids have done their part. */
export type StoredStatement = Omit<VexStatement, 'package' | 'version' | 'type' | 'aliases'>

export type Row<T> = Omit<T, 'image_seq' | 'organization_id'>

export interface ImageRows {
  readonly packages: readonly Row<ImagePackageRow>[]
  readonly findings: readonly Row<ImageFindingRow>[]
  readonly statements: readonly Row<ImageStatementRow>[]
  /** Packages, of which some have two rows. */
  readonly packageCount: number
  readonly bytes: number
  /** Why not all is here. */
  readonly problem: string | undefined
}

/** @param placesOf of blobs, in the image's list of documents */
export async function rowsOf(
  entries: Pick<ImageEntries, 'packages' | 'findings' | 'problem'>,
  placesOf: (blobs: readonly Digest[]) => string,
  maxBytes: number = MAX_IMAGE_BYTES,
): Promise<ImageRows> {
  const turns = createTurns()
  const packages: Row<ImagePackageRow>[] = []
  const findings: Row<ImageFindingRow>[] = []
  const statements = new Map<string, number>()
  let [bytes, packageCount] = [0, 0]
  for (const one of entries.packages) {
    const rows = packageRows(one, packages.length, placesOf)
    const more = rows.reduce((sum, row) => sum + bytesOf(row), 0)
    if (bytes + more > maxBytes) break
    bytes += more
    packageCount++
    packages.push(...rows)
    const turn = turns()
    if (turn !== undefined) await turn
  }
  for (const one of entries.findings) {
    const text = one.statement === undefined ? undefined : statementText(one.statement)
    const statement = text === undefined ? null : (statements.get(text) ?? statements.size)
    const row = findingRow(one, { position: findings.length, statement, documents: placesOf(one.documents) })
    const more = bytesOf(row) + (text === undefined || statements.has(text) ? 0 : Buffer.byteLength(text) + ROW_BYTES)
    if (bytes + more > maxBytes) break
    bytes += more
    findings.push(row)
    if (text !== undefined && statement !== null) statements.set(text, statement)
    const turn = turns()
    if (turn !== undefined) await turn
  }
  const isCut = packageCount < entries.packages.length || findings.length < entries.findings.length
  const cut = `the image has more than ${maxBytes} bytes of packages and vulnerabilities, ${packageCount} and ${findings.length} are listed`
  return {
    packages,
    findings,
    statements: [...statements].map(([statement, position]) => ({ statement, position })),
    packageCount,
    bytes,
    problem: isCut ? cut : entries.problem,
  }
}

function packageRows(
  { name, version, type, purl = '', source = '', licence = '', documents }: PackageEntry,
  position: number,
  placesOf: (blobs: readonly Digest[]) => string,
): Row<ImagePackageRow>[] {
  const row = { name, version, type, purl, source, licence, documents: placesOf(documents) }
  const own = { ...row, position, term: termOf(name), is_source: 0 } as const
  if (source === '' || termOf(source) === termOf(name)) return [own]
  return [own, { ...row, position: position + 1, term: termOf(source), is_source: 1 }]
}

function findingRow(
  one: FindingEntry,
  o: { readonly position: number; readonly statement: number | null; readonly documents: string },
): Row<ImageFindingRow> {
  const { statement } = one
  const version = statement === undefined || statement.version === '' ? '' : ` ${statement.version}`
  return {
    ...o,
    term: vulnerabilityTerm(one.id),
    vulnerability: one.id,
    severity: one.severity,
    score: one.score ?? '',
    package: one.package,
    version: one.version ?? '',
    fixed_in: one.fixedIn,
    status: one.status,
    product: statement === undefined ? '' : `${statement.package}${version}`,
  }
}

function statementText({ package: _, version: _v, type: _t, aliases: _a, ...one }: VexStatement): string {
  return JSON.stringify(one satisfies StoredStatement)
}

function bytesOf(row: object): number {
  let sum = ROW_BYTES
  for (const value of Object.values(row)) if (typeof value === 'string') sum += Buffer.byteLength(value)
  return sum
}

/** What a package is found by. */
export function termOf(name: string): string {
  return name.toLowerCase().slice(0, MAX_TERM)
}

/** What a vulnerability is found by. */
export function vulnerabilityTerm(id: string): string {
  return id.toUpperCase().slice(0, MAX_TERM)
}
