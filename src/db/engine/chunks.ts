/**
 * SQLite takes 32,766 values a statement, PostgreSQL 65,535. Whatever has as many values as somebody's list is long passes here:
 * `test/architecture.test.ts` finds an `in (…)` or `values (…)` that does not.
 */

/** How many values one statement carries at most; both engines take far more, but the statement cache should stay small. */
export const CHUNK_ROWS = 400

/** Of rows: values, not rows, are what a statement has too many of. */
const CHUNK_VALUES = 2000

declare const bounded: unique symbol

/** A part of a list that fits into one statement; only the functions of this file make one. */
export type Chunk<T> = T[] & { readonly [bounded]: true }

/** `items` in slices for `in (…)`; no items, no slice. */
export function* inChunks<T>(items: readonly T[], size: number = CHUNK_ROWS): Generator<Chunk<T>> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size) as Chunk<T>
}

/** Rows (all of the same columns) in slices for `values (…)`, by the number of their columns; `columns` for what becomes rows. */
export function* rowChunks<Row extends object>(
  rows: readonly Row[],
  columns: number = Object.keys(rows[0] ?? {}).length,
): Generator<Chunk<Row>> {
  yield* inChunks(rows, Math.max(1, Math.floor(CHUNK_VALUES / Math.max(1, columns))))
}

/** All rows that belong to any of `items`, slice by slice. @param query those of one slice */
export async function allOfChunks<T, Row>(
  items: readonly T[],
  query: (chunk: Chunk<T>) => Promise<readonly Row[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const chunk of inChunks(items)) for (const row of await query(chunk)) rows.push(row)
  return rows
}

/**
 * One page of the rows that belong to any of `items`.
 * @param query the page of one slice: in the order of `compare`, at least `limit` rows where there are so many
 * @param keyOf tells rows apart: one that belongs to several slices comes once
 */
export async function pageOfChunks<T, Row>(
  items: readonly T[],
  query: (chunk: Chunk<T>) => Promise<readonly Row[]>,
  o: { readonly limit: number; keyOf(row: Row): string; compare(a: Row, b: Row): number },
): Promise<Row[]> {
  let page: Row[] = []
  for (const chunk of inChunks(items)) {
    const found = await query(chunk)
    if (page.length === 0) page = [...found]
    else page = [...new Map([...page, ...found].map((row) => [o.keyOf(row), row])).values()].sort(o.compare)
    page.length = Math.min(page.length, o.limit)
  }
  return page
}

/** The order of both engines for our names: by bytes, which is by code units as long as they are ASCII. */
export function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
