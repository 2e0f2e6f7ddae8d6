/** What a read of the catalog means for the entries that are known. Pure. */
import type { EntryFacts } from '../../db/mirrors/subscription-entries.ts'

/** A subscription of fewer entries may lose most of them at once and mean it. */
const MIN_BRAKED = 4

export interface CatalogReading {
  /** Names that the globs take. */
  readonly matched: readonly string[]
  /** Entries of the whole catalog. */
  readonly listed: number
}

export interface ReadPlan {
  /** Why nothing of it is taken; with numbers. */
  readonly brake: string | undefined
  readonly added: readonly string[]
  readonly relisted: readonly string[]
  /** They keep their mirrors. */
  readonly unlisted: readonly string[]
  /** Never had a mirror: nothing is to be remembered. */
  readonly forgotten: readonly string[]
}

/**
 * @param before entries of the whole catalog at the last good read; null: none was
 * @param acceptShrink a person has said that what is missing is gone
 */
export function planRead(
  known: readonly EntryFacts[],
  reading: CatalogReading,
  { before, acceptShrink }: { readonly before: number | null; readonly acceptShrink: boolean },
): ReadPlan {
  const there = new Set(reading.matched)
  const names = new Set(known.map(({ repository }) => repository))
  const present = known.filter((entry) => entry.matched === 1 && entry.listed === 1)
  const missing = present.filter(({ repository }) => !there.has(repository))
  const brake = acceptShrink ? undefined : brakeOf(reading, before, missing.length, present.length)
  return {
    brake,
    added: reading.matched.filter((name) => !names.has(name)),
    relisted: known
      .filter((entry) => entry.listed === 0 && there.has(entry.repository))
      .map(({ repository }) => repository),
    unlisted: missing.filter(({ made }) => made === 1).map(({ repository }) => repository),
    forgotten: missing.filter(({ made }) => made === 0).map(({ repository }) => repository),
  }
}

function brakeOf(
  { listed }: CatalogReading,
  before: number | null,
  missing: number,
  present: number,
): string | undefined {
  const rest = 'nothing was changed, and all mirrors stay'
  if (before !== null && before > 0 && (listed === 0 || (before >= MIN_BRAKED && listed < before / 2))) {
    return `the catalog lists ${listed} of ${before} repositories: ${rest}`
  }
  if (present < MIN_BRAKED || missing <= present / 2) return undefined
  return `the catalog is without ${missing} of the ${present} repositories that are mirrored: ${rest}`
}
