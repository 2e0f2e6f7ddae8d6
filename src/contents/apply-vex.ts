/**
 * What VEX says of each finding. A statement is about a finding when it names the vulnerability and the package, or the source that the
 * package was built from: SBOMs name binary packages, advisories source packages. One without a version is about all versions. Of several
 * the newest counts, whatever it says. Everything is looked up, nothing is tried: both lists may be somebody's 50,000, so that others have
 * their turn in between.
 */
import { createTurns } from '../lib/turns.ts'
import type { Finding, Package, VexStatement } from './image-contents.ts'

export const VEX_STATUSES = ['not_affected', 'affected', 'fixed', 'under_investigation'] as const

export type VexStatus = (typeof VEX_STATUSES)[number]

/** Statuses by which an image does not have a vulnerability. */
export const HARMLESS: ReadonlySet<string> = new Set(['not_affected', 'fixed'])

/** Package URLs of these name the image, so that a statement is about all that it holds. */
const OF_IMAGE: ReadonlySet<string> = new Set(['oci', 'docker'])
/** Sources and versions of one name, and statements of one version: real ones are one or two. */
const MAX_LOOKUPS = 20

export interface Vex {
  /** The statement that counts for a finding; undefined: there is none. */
  of(finding: Finding): VexStatement | undefined
  /** Of what `of` was not asked about: statements that count, one for each vulnerability and package. */
  others(): Promise<VexStatement[]>
}

/** By id and package, then by version. */
type Statements = Map<string, Map<string, VexStatement[]>>

export async function createVex(statements: readonly VexStatement[], packages: readonly Package[]): Promise<Vex> {
  const turns = createTurns()
  const known = statements.filter(({ status }) => VEX_STATUSES.includes(status as VexStatus))
  const byPackage: Statements = new Map()
  const byId = new Map<string, VexStatement[]>()
  for (const one of known) {
    for (const id of idsOf(one)) {
      push(byId, id, one)
      const name = one.type !== undefined && OF_IMAGE.has(one.type) ? '' : one.package
      const key = `${id}\0${name}`
      const versions = byPackage.get(key) ?? new Map<string, VexStatement[]>()
      byPackage.set(key, versions)
      // All that the image holds, of whichever version.
      keepNewest(versions, name === '' ? '' : one.version, one)
    }
    const turn = turns()
    if (turn !== undefined) await turn
  }
  const sources = new Map<string, Set<string>>()
  const versions = new Map<string, Set<string>>()
  for (const { name, source, version } of packages) {
    if (source !== undefined) add(sources, name, source)
    for (const key of new Set([name, source ?? name])) add(versions, key, version)
    const turn = turns()
    if (turn !== undefined) await turn
  }
  const told = new Set<VexStatement>()

  function* about(finding: Finding): Generator<VexStatement> {
    const id = finding.id.toUpperCase()
    // A report that names no package is about whatever has the vulnerability.
    if (finding.package === '') yield* byId.get(id) ?? []
    yield* byPackage.get(`${id}\0`)?.get('') ?? []
    for (const name of new Set([finding.package, ...(sources.get(finding.package) ?? [])])) {
      const found = byPackage.get(`${id}\0${name}`)
      if (found === undefined || name === '') continue
      for (const version of versionsOf(finding, name)) {
        for (const one of found.get(version) ?? []) {
          if (one.type === undefined || finding.type === undefined || one.type === finding.type) yield one
        }
      }
    }
  }

  /** Versions that a statement about the package may name: where the report does not say, those that the SBOMs have. */
  function versionsOf({ version, package: own }: Finding, name: string): Set<string> {
    const here = versions.get(name) ?? []
    if (version === undefined) return new Set(['', ...here])
    // A source may have another version than what was built from it.
    return new Set(['', version, ...(name === own ? [] : here)])
  }

  return {
    of(finding) {
      let found: VexStatement | undefined
      for (const one of about(finding)) {
        told.add(one)
        if (found === undefined || found.at <= one.at) found = one
      }
      return found
    },
    async others() {
      const newest = new Map<string, VexStatement>()
      for (const all of byPackage.values()) {
        for (const one of [...all.values()].flat()) {
          if (told.has(one)) continue
          const key = `${one.id}\0${one.package}`
          const before = newest.get(key)
          if (before === undefined || before.at <= one.at) newest.set(key, one)
        }
        const turn = turns()
        if (turn !== undefined) await turn
      }
      return [...newest.values()]
    },
  }
}

function idsOf({ id, aliases = [] }: VexStatement): Set<string> {
  return new Set([id, ...aliases].map((text) => text.toUpperCase()))
}

/** Of statements about the same version, one for each type of package. */
function keepNewest(versions: Map<string, VexStatement[]>, version: string, statement: VexStatement): void {
  const all = versions.get(version) ?? []
  const at = all.findIndex(({ type }) => type === statement.type)
  const before = all[at]
  if (before === undefined) {
    if (all.length < MAX_LOOKUPS) all.push(statement)
  } else if (before.at <= statement.at) all[at] = statement
  versions.set(version, all)
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key) ?? new Set()
  if (values.size < MAX_LOOKUPS) values.add(value)
  map.set(key, values)
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}
