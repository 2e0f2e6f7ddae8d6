import type { PlatformImage } from './images.ts'
import type { Package } from './packages.ts'
import { findingsOf } from './vulnerabilities.ts'

type Entries = Readonly<Record<string, string>>

/**
 * What changed from the release before, in the form of an entry of `dhi_metadata` in a webhook of Docker Hub.
 * Everything is found by comparing the two images; nothing is told that is not so.
 * @param previous the same image on the same platform one release earlier; undefined for the first
 */
export function changelog(current: PlatformImage, previous: PlatformImage | undefined): object {
  const changes = changesOf(current, previous ?? current)
  return {
    schema_version: 1,
    change_categories: categoriesOf(changes),
    previous_version:
      previous === undefined ? null : { tag: previous.definition.exactTag, digest: previous.descriptor.digest },
    changes,
  }
}

type Changes = ReturnType<typeof changesOf>

function changesOf(current: PlatformImage, previous: PlatformImage) {
  const before = new Map(previous.definition.packages.map((item) => [item.name, item]))
  const after = new Map(current.definition.packages.map((item) => [item.name, item]))
  return {
    vulnerabilities_fixed: fixedBetween(current, previous),
    packages_updated: [...after.values()].flatMap((item) => {
      const old = before.get(item.name)
      if (old === undefined || old.version === item.version) return []
      return [{ name: item.name, type: 'deb', old_version: old.version, new_version: item.version }]
    }),
    packages_added: [...after.values()].filter(({ name }) => !before.has(name)).map(packageEntry),
    packages_removed: [...before.values()].filter(({ name }) => !after.has(name)).map(packageEntry),
    environment_variables_changed: entriesChanged(current.definition.environment, previous.definition.environment),
    labels_changed: entriesChanged(current.labels, previous.labels),
    configuration_changed: [],
  }
}

const packageEntry = ({ name, version }: Package) => ({ name, type: 'deb', version })

/** Flaws that the earlier image was affected by, known today, and that this one is not. */
function fixedBetween(current: PlatformImage, previous: PlatformImage) {
  const release = current.definition.contentRelease
  const open = new Set(
    findingsOf(previous.definition.packages, release)
      .filter(({ status }) => status === 'affected')
      .map(({ flaw }) => flaw.cve),
  )
  return findingsOf(current.definition.packages, release)
    .filter(({ flaw, status }) => status === 'fixed' && open.has(flaw.cve))
    .map(({ flaw, fixedVersion }) => ({
      cve_id: flaw.cve,
      severity: flaw.severity,
      package: flaw.source,
      fixed_in_version: fixedVersion,
    }))
}

/** An added entry has `to_value`, a removed one `from_value`, a changed one both. */
function entriesChanged(after: Entries, before: Entries) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return keys.flatMap((key) => {
    const from = before[key]
    const to = after[key]
    if (from === to) return []
    return [
      {
        change: from === undefined ? 'added' : to === undefined ? 'removed' : 'changed',
        key,
        ...(from === undefined ? {} : { from_value: from }),
        ...(to === undefined ? {} : { to_value: to }),
      },
    ]
  })
}

function categoriesOf(changes: Changes): string[] {
  const categories = {
    vulnerability_fix: changes.vulnerabilities_fixed.length > 0,
    version_upgrade: changes.packages_updated.length > 0,
    other:
      changes.packages_added.length + changes.packages_removed.length + changes.environment_variables_changed.length >
      0,
  }
  return Object.entries(categories).flatMap(([name, applies]) => (applies ? [name] : []))
}
