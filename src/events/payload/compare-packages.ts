/** From the packages of two images to what was added, removed and updated. Pure. */
import type { ImageChanges } from '../../api/webhook-payload.ts'
import { type ImageContents, type Package, SBOM_FORMATS } from '../../contents/image-contents.ts'

export type PackageChanges = Pick<ImageChanges, 'packages_updated' | 'packages_added' | 'packages_removed'>

export const NO_PACKAGE_CHANGES: PackageChanges = { packages_updated: [], packages_added: [], packages_removed: [] }

/** The two lists to compare: of one format, since tools count differently. Undefined: there are no two of one format. */
export function comparablePackages(
  before: ImageContents,
  after: ImageContents,
): readonly [readonly Package[], readonly Package[]] | undefined {
  for (const format of SBOM_FORMATS) {
    const [old, now] = [before.packages.get(format), after.packages.get(format)]
    if (old !== undefined && now !== undefined) return [old.filter(isNamed), now.filter(isNamed)]
  }
  return undefined
}

/** Names without a package URL are whatever a tool has found: they come and go with its version. */
function isNamed({ isUnnamed }: Package): boolean {
  return isUnnamed !== true
}

/** A package may be there in several versions at once: those that only one side has are paired in their order. */
export function comparePackages(before: readonly Package[], after: readonly Package[]): PackageChanges {
  const [old, now] = [versionsByName(before), versionsByName(after)]
  const changes: PackageChanges = { packages_updated: [], packages_added: [], packages_removed: [] }
  for (const key of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [one = { versions: new Set<string>() }, two = { versions: new Set<string>() }] = [old.get(key), now.get(key)]
    const { name, type } = (now.get(key) ?? old.get(key)) as Named
    const gone = [...one.versions].filter((version) => !two.versions.has(version)).sort()
    const come = [...two.versions].filter((version) => !one.versions.has(version)).sort()
    const pairs = Math.min(gone.length, come.length)
    for (let i = 0; i < pairs; i++) {
      changes.packages_updated.push({ name, type, old_version: gone[i] ?? '', new_version: come[i] ?? '' })
    }
    for (const version of gone.slice(pairs)) changes.packages_removed.push({ name, type, version })
    for (const version of come.slice(pairs)) changes.packages_added.push({ name, type, version })
  }
  return changes
}

interface Named {
  readonly name: string
  readonly type: string
  readonly versions: Set<string>
}

function versionsByName(packages: readonly Package[]): Map<string, Named> {
  const found = new Map<string, Named>()
  for (const { name, type, version } of packages) {
    const key = `${name}\0${type}`
    const named = found.get(key) ?? { name, type, versions: new Set() }
    named.versions.add(version)
    found.set(key, named)
  }
  return found
}
