/** From what was read of an image to what is listed of it: one entry a package, one a vulnerability of a package. In turns, with no effects. */
import { sortInTurns } from '../lib/sort-in-turns.ts'
import { createTurns } from '../lib/turns.ts'
import type { Digest } from '../oci/digest.ts'
import { createVex, HARMLESS, type VexStatus } from './apply-vex.ts'
import type { Finding, Package, VexStatement } from './image-contents.ts'
import type { ImageReading } from './read-image.ts'

/** Whole distributions have some ten thousand packages; what is beyond is not listed, and that is said. */
export const MAX_PACKAGES = 20_000
export const MAX_FINDINGS = 10_000

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'negligible', 'unknown'] as const

export type Severity = (typeof SEVERITIES)[number]

export interface PackageEntry extends Package {
  /** Blobs of the SBOMs that list it. */
  readonly documents: readonly Digest[]
}

export interface FindingEntry extends Finding {
  readonly severity: Severity
  /** Blobs of the reports that name it; none: only VEX speaks of it. */
  readonly documents: readonly Digest[]
  readonly status: VexStatus | 'open'
  readonly statement: VexStatement | undefined
}

export interface ImageEntries {
  readonly packages: readonly PackageEntry[]
  readonly findings: readonly FindingEntry[]
  readonly summary: ImageSummary
  /** Why not all is listed. */
  readonly problem: string | undefined
}

export interface ImageSummary {
  /** Vulnerabilities by severity, without those that VEX says are harmless. */
  readonly open: Readonly<Record<Severity, number>>
  readonly suppressed: number
  /** Whether there is any document of the kind: without one, nothing is known. */
  readonly hasSbom: boolean
  readonly hasReport: boolean
}

export async function entriesOf({ contents, packagesFrom, findingsFrom }: ImageReading): Promise<ImageEntries> {
  const packages = await mergePackages(contents.packages, packagesFrom)
  const findings = await judge(await mergeFindings(contents.findings, findingsFrom), contents.vex, packages)
  const open = Object.fromEntries(SEVERITIES.map((severity) => [severity, 0])) as Record<Severity, number>
  let suppressed = 0
  for (const { severity, status } of findings) {
    if (HARMLESS.has(status)) suppressed++
    else open[severity]++
  }
  const cut = [
    ...(packages.length > MAX_PACKAGES ? [`${packages.length} packages, the first ${MAX_PACKAGES} are listed`] : []),
    ...(findings.length > MAX_FINDINGS
      ? [`${findings.length} vulnerabilities, the first ${MAX_FINDINGS} are listed`]
      : []),
  ]
  return {
    packages: packages.slice(0, MAX_PACKAGES),
    findings: findings.slice(0, MAX_FINDINGS),
    summary: { open, suppressed, hasSbom: packagesFrom.size > 0, hasReport: findingsFrom.size > 0 },
    problem: cut.length === 0 ? undefined : `the image has ${cut.join(' and ')}`,
  }
}

/** The same package in two SBOMs is one; what one of them leaves open the other may say. */
async function mergePackages(
  all: ReadonlyMap<string, readonly Package[]>,
  from: ReadonlyMap<string, Digest>,
): Promise<PackageEntry[]> {
  const turns = createTurns()
  const found = new Map<string, PackageEntry>()
  for (const [format, items] of all) {
    const blob = from.get(format)
    for (const one of items) {
      const key = `${one.type}\0${one.name}\0${one.version}`
      const known = found.get(key)
      const documents = [...new Set([...(known?.documents ?? []), ...(blob === undefined ? [] : [blob])])]
      found.set(key, { ...one, ...known, documents })
      const turn = turns()
      if (turn !== undefined) await turn
    }
  }
  return sortInTurns(
    [...found.values()],
    (a, b) => compare(a.name, b.name) || compare(a.type, b.type) || compare(a.version, b.version),
  )
}

async function mergeFindings(
  all: ReadonlyMap<string, readonly Finding[]>,
  from: ReadonlyMap<string, Digest>,
): Promise<Omit<FindingEntry, 'status' | 'statement'>[]> {
  const turns = createTurns()
  const found = new Map<string, Omit<FindingEntry, 'status' | 'statement'>>()
  for (const [kind, items] of all) {
    const blob = from.get(kind)
    for (const one of items) {
      const key = `${one.id.toUpperCase()}\0${one.package}`
      const known = found.get(key)
      const severity = severityOf(one.severity)
      found.set(key, {
        ...one,
        ...known,
        severity: known === undefined || known.severity === 'unknown' ? severity : known.severity,
        fixedIn: known?.fixedIn || one.fixedIn,
        documents: [...new Set([...(known?.documents ?? []), ...(blob === undefined ? [] : [blob])])],
      })
      const turn = turns()
      if (turn !== undefined) await turn
    }
  }
  return [...found.values()]
}

async function judge(
  findings: readonly Omit<FindingEntry, 'status' | 'statement'>[],
  statements: readonly VexStatement[],
  packages: readonly Package[],
): Promise<FindingEntry[]> {
  const turns = createTurns()
  const vex = await createVex(statements, packages)
  const judged: FindingEntry[] = []
  for (const one of findings) {
    const statement = vex.of(one)
    judged.push({ ...one, status: (statement?.status as VexStatus | undefined) ?? 'open', statement })
    const turn = turns()
    if (turn !== undefined) await turn
  }
  const told = (await vex.others()).map(
    (statement): FindingEntry => ({
      id: statement.id,
      severity: 'unknown',
      package: statement.package,
      fixedIn: '',
      ...(statement.version === '' ? {} : { version: statement.version }),
      ...(statement.type === undefined ? {} : { type: statement.type }),
      documents: [],
      status: statement.status as VexStatus,
      statement,
    }),
  )
  return sortInTurns(
    [...judged, ...told],
    (a, b) =>
      rank(a) - rank(b) ||
      Number(b.score ?? -1) - Number(a.score ?? -1) ||
      compare(a.id, b.id) ||
      compare(a.package, b.package),
  )
}

/** What is open stands before what is harmless, the gravest first. */
function rank({ severity, status }: FindingEntry): number {
  return SEVERITIES.indexOf(severity) + (HARMLESS.has(status) ? SEVERITIES.length : 0)
}

/** The words of scanners, in one. */
export function severityOf(text: string): Severity {
  const word = text.toLowerCase()
  if (word === 'moderate') return 'medium'
  if (word === 'important') return 'high'
  if (word === 'unimportant' || word === 'info' || word === 'none' || word === 'minimal') return 'negligible'
  return SEVERITIES.find((severity) => severity === word) ?? 'unknown'
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
