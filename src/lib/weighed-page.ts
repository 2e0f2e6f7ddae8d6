/** Pages that end by what they weigh, not only by how many items they have: one heavy item must not become a heavy answer. */

export interface Page<T> {
  readonly items: readonly T[]
  /** Key of the last item when there are more; null at the end. */
  readonly next: string | null
}

export interface PageQuery<T> {
  /** Most items of the page. */
  readonly limit: number
  /** Key of the last item that was seen; undefined: from the start. */
  readonly after?: string | undefined
  readonly keyOf: (item: T) => string
  /** The next `count` items after a key, fewer at the end; every item is held in memory at most once. */
  readonly read: (after: string | undefined, count: number) => Promise<readonly T[]>
  /** Bytes that the items of a page may have as JSON; one item is always given. */
  readonly budgetBytes?: number
}

export const PAGE_BUDGET_BYTES = 1024 * 1024
const FIRST_READ = 4
const MAX_READ = 250

/** Reads one page; how much is read at once follows from how heavy the items were so far. */
export async function readPage<T>(o: PageQuery<T>): Promise<Page<T>> {
  const budget = o.budgetBytes ?? PAGE_BUDGET_BYTES
  const items: T[] = []
  let bytes = 0
  let heaviest = 0
  let key = o.after
  for (let count = FIRST_READ; ; ) {
    count = Math.min(count, o.limit - items.length + 1)
    const read = await o.read(key, count)
    for (const item of read) {
      const weight = weigh(item)
      if (items.length > 0 && (bytes + weight > budget || items.length === o.limit)) {
        return { items, next: key ?? null }
      }
      items.push(item)
      bytes += weight
      heaviest = Math.max(heaviest, weight)
      key = o.keyOf(item)
    }
    if (read.length < count) return { items, next: null }
    count = Math.min(MAX_READ, count * 4, Math.max(1, Math.floor((budget - bytes) / heaviest)))
  }
}

/** The first page of items that are at hand; one more than `limit` tells that there is a next page. What may be heavy is for `readPage`. */
export function cutPage<T>(items: readonly T[], limit: number, keyOf: (item: T) => string): Page<T> {
  let bytes = 0
  const taken: T[] = []
  for (const item of items.slice(0, limit)) {
    bytes += weigh(item)
    if (taken.length > 0 && bytes > PAGE_BUDGET_BYTES) break
    taken.push(item)
  }
  const last = taken.at(-1)
  return { items: taken, next: taken.length < items.length && last !== undefined ? keyOf(last) : null }
}

/** Bytes of an item as JSON. */
export function weigh(item: unknown): number {
  return Buffer.byteLength(JSON.stringify(item) ?? '')
}
