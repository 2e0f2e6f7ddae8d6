/** Which vulnerabilities of one image the next one no longer has. Pure, and careful: what is only unknown is not fixed. */
import type { ImageChanges } from '../../api/webhook-payload.ts'
import type { Finding, ImageContents, Package, VexStatement } from '../../contents/image-contents.ts'
import { comparablePackages } from './compare-packages.ts'

type Fixed = ImageChanges['vulnerabilities_fixed'][number]

/** Statuses of OpenVEX by which an image does not have a vulnerability. */
const HARMLESS = new Set(['not_affected', 'fixed'])

export function fixedVulnerabilities(before: ImageContents, after: ImageContents): Fixed[] {
  const updates = updatesOf(before, after)
  const [old, now] = [judge(before), judge(after)]
  const severityOf = (id: string) => old.severities.get(id) ?? now.severities.get(id) ?? 'unknown'
  const found = new Map<string, Fixed>()
  const add = (id: string, name: string, version: string) => {
    found.set(`${id}\0${name}`, { cve_id: id, severity: severityOf(id), package: name, fixed_in_version: version })
  }
  for (const statement of now.vex.values()) {
    const { id, status, package: name, version } = statement
    const earlier = old.verdictOf(id)
    if (status !== 'fixed' || (earlier !== undefined && HARMLESS.has(earlier))) continue
    // Known to be open before, or found out since: then a version that was not there before has to be there now.
    const open = old.open.get(id)
    if (open === undefined && updates.of(name) === undefined) continue
    add(id, name, version)
  }
  for (const [id, findings] of old.open) {
    if (now.open.has(id) || now.verdictOf(id) !== undefined || !reportsAgain(findings.kinds, after)) continue
    for (const finding of findings.items) {
      const update = updates.of(finding.package)
      // The same version as before: the report has changed its mind, nothing was fixed.
      if (updates.isKnown && update === undefined) continue
      add(id, finding.package, finding.fixedIn === '' ? (update ?? '') : finding.fixedIn)
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, fixed]) => fixed)
}

interface Open {
  readonly kinds: Set<string>
  readonly items: Finding[]
}

/** What the reports say of an image, without what its VEX says is harmless. */
function judge({ findings, vex }: ImageContents) {
  const newest = new Map<string, VexStatement>()
  for (const statement of vex) {
    const key = `${statement.id}\0${statement.package}`
    const known = newest.get(key)
    if (known === undefined || known.at <= statement.at) newest.set(key, statement)
  }
  const verdicts = new Map<string, VexStatement>()
  for (const statement of newest.values()) {
    const known = verdicts.get(statement.id)
    if (known === undefined || HARMLESS.has(known.status) || known.at < statement.at)
      verdicts.set(statement.id, statement)
  }
  const verdictOf = (id: string) => verdicts.get(id)?.status
  const open = new Map<string, Open>()
  const severities = new Map<string, string>()
  for (const [kind, items] of findings) {
    for (const item of items) {
      if (item.severity !== '') severities.set(item.id, item.severity)
      if (HARMLESS.has(verdictOf(item.id) ?? '')) continue
      const known = open.get(item.id) ?? { kinds: new Set(), items: [] }
      known.kinds.add(kind)
      if (known.items.every((one) => one.package !== item.package)) known.items.push(item)
      open.set(item.id, known)
    }
  }
  return { vex: newest, verdictOf, open, severities }
}

/** Whether a report of a kind that found it has looked again. */
function reportsAgain(kinds: ReadonlySet<string>, after: ImageContents): boolean {
  return [...kinds].some((kind) => after.findings.has(kind))
}

/** New versions by the name of a package, or of the source that it was built from; of packages that are gone, an empty one. */
function updatesOf(before: ImageContents, after: ImageContents) {
  const pair = comparablePackages(before, after)
  const versions = new Map<string, string>()
  if (pair !== undefined) {
    const [old, now] = pair.map(versionsByName) as [Map<string, string>, Map<string, string>]
    for (const [name, version] of old) {
      if (now.get(name) !== version) versions.set(name, now.get(name)?.split('\0')[0] ?? '')
    }
  }
  return { isKnown: pair !== undefined, of: (name: string): string | undefined => versions.get(name) }
}

/** All versions of each name and source, as one text. */
function versionsByName(packages: readonly Package[]): Map<string, string> {
  const sets = new Map<string, Set<string>>()
  for (const { name, source, version } of packages) {
    for (const key of new Set([name, source ?? name])) sets.set(key, (sets.get(key) ?? new Set()).add(version))
  }
  return new Map([...sets].map(([name, versions]) => [name, [...versions].sort().join('\0')]))
}
