/** From what two images hold to an entry of `dhi_metadata`. Pure. */
import type { ImageChanges, ImageMetadata } from '../../api/webhook-payload.ts'
import type { Entries, ImageContents } from '../../contents/image-contents.ts'
import { clipped } from '../../lib/quoted.ts'
import { comparablePackages, comparePackages, NO_PACKAGE_CHANGES } from './compare-packages.ts'
import { fixedVulnerabilities } from './fixed-vulnerabilities.ts'

/** Of one list: a receiver reads what changed, not a whole distribution. */
export const MAX_LISTED = 200
/** Of one label, variable or version. */
const MAX_VALUE = 500

export interface Comparison {
  readonly changes: ImageChanges
  /** Lists that were cut to MAX_LISTED. */
  readonly cut: readonly string[]
}

export function compareImages(before: ImageContents, after: ImageContents): Comparison {
  const packages = comparablePackages(before, after)
  const [old, now] = [before.config, after.config]
  const both = old !== undefined && now !== undefined
  const changes: ImageChanges = {
    vulnerabilities_fixed: fixedVulnerabilities(before, after),
    ...(packages === undefined ? NO_PACKAGE_CHANGES : comparePackages(...packages)),
    environment_variables_changed: both ? entriesChanged(old.environment, now.environment) : [],
    labels_changed: both ? entriesChanged(old.labels, now.labels) : [],
    configuration_changed: both ? entriesChanged(old.configuration, now.configuration) : [],
  }
  const lists = Object.entries(changes) as [keyof ImageChanges, Record<string, string>[]][]
  return {
    changes: Object.fromEntries(
      lists.map(([name, items]) => [name, items.slice(0, MAX_LISTED).map(short)]),
    ) as ImageChanges,
    cut: lists.filter(([, items]) => items.length > MAX_LISTED).map(([name]) => name),
  }
}

/** Undefined when the two tell no difference. @param previous what the tag pointed to before, on the same platform */
export function metadataOf(
  changes: ImageChanges,
  previous: ImageMetadata['previous_version'],
): ImageMetadata | undefined {
  if (Object.values(changes).every((items) => items.length === 0)) return undefined
  return { schema_version: 1, change_categories: categoriesOf(changes), previous_version: previous, changes }
}

/** Labels change with every build, and are no reason by themselves: Docker Hub's own example has them without `other`. */
function categoriesOf(changes: ImageChanges): ImageMetadata['change_categories'] {
  const others =
    changes.packages_added.length +
    changes.packages_removed.length +
    changes.environment_variables_changed.length +
    changes.configuration_changed.length
  return [
    ...(changes.vulnerabilities_fixed.length > 0 ? (['vulnerability_fix'] as const) : []),
    ...(changes.packages_updated.length > 0 ? (['version_upgrade'] as const) : []),
    ...(others > 0 ? (['other'] as const) : []),
  ]
}

/** An added entry has `to_value`, a removed one `from_value`, a changed one both. */
function entriesChanged(before: Entries, after: Entries): ImageChanges['labels_changed'] {
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((key) => {
    const [from, to] = [old.get(key), now.get(key)]
    if (from === to) return []
    return [
      {
        change:
          from === undefined ? ('added' as const) : to === undefined ? ('removed' as const) : ('changed' as const),
        key,
        ...(from === undefined ? {} : { from_value: from }),
        ...(to === undefined ? {} : { to_value: to }),
      },
    ]
  })
}

function short(item: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, clipped(value, MAX_VALUE)]))
}
