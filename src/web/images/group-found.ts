/** What was found in each platform of the same tags, as one. */
interface Found {
  readonly repository: string
  readonly digest: string
  readonly platform: string
  readonly tags: readonly string[]
}

interface Grouped<T> {
  readonly one: T
  /** What tells it from others. */
  readonly key: string
  readonly platforms: readonly string[]
}

/** @param about what is said of it beside where it is */
export function groupFound<T extends Found>(items: readonly T[], about: (item: T) => string): Grouped<T>[] {
  // What no tag leads to has its digest alone.
  const keyOf = (item: T) =>
    JSON.stringify([item.repository, item.tags.length === 0 ? item.digest : item.tags, about(item)])
  return [...Map.groupBy(items, keyOf)].flatMap(([key, [one, ...others]]) =>
    one === undefined
      ? []
      : [{ one, key, platforms: [...new Set([one, ...others].map(({ platform }) => platform))].sort() }],
  )
}
