import type { Support } from '../api/catalog.ts'

interface Dates {
  readonly endOfSupport: string | null
  readonly endOfLife: string | null
}

/** On a day (`2026-01-31`). The last day of support is a day of support. Null when no date is known. */
export function supportOn(today: string, { endOfSupport, endOfLife }: Dates): Support | null {
  const end = endOfLife ?? endOfSupport
  if (end === null) return null
  if (today <= (endOfSupport ?? end)) return 'active'
  return today <= end ? 'extended' : 'ended'
}

/** The last of the days on which any of several is supported. */
export function latestDates(all: readonly Dates[]): Dates {
  const latest = (of: (dates: Dates) => string | null) =>
    all
      .flatMap((dates) => of(dates) ?? [])
      .sort()
      .at(-1) ?? null
  return {
    endOfSupport: latest((one) => one.endOfSupport ?? one.endOfLife),
    endOfLife: latest((one) => one.endOfLife ?? one.endOfSupport),
  }
}
