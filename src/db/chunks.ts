/** How many values one statement carries at most; both engines take far more, but the statement cache should stay small. */
export const CHUNK_ROWS = 400

/** `items` in slices of at most `size`. */
export function* inChunks<T>(items: readonly T[], size: number = CHUNK_ROWS): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}
