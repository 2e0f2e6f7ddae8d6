/** Sorting of lists that are somebody's: others have their turn in between. */
import { createTurns } from './turns.ts'

/** Sorted in one go, in some milliseconds. */
const RUN = 1000

/** As `toSorted`: stable, and `items` stays as it is. */
export async function sortInTurns<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const turns = createTurns()
  let runs: T[][] = []
  for (let i = 0; i < items.length; i += RUN) {
    runs.push(items.slice(i, i + RUN).sort(compare))
    const turn = turns()
    if (turn !== undefined) await turn
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let i = 0; i < runs.length; i += 2) merged.push(await merge(runs[i] ?? [], runs[i + 1] ?? [], compare, turns))
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (a: T, b: T) => number,
  turns: ReturnType<typeof createTurns>,
): Promise<T[]> {
  const all: T[] = []
  for (let i = 0, j = 0; i < left.length || j < right.length; ) {
    const isLeft = j >= right.length || (i < left.length && compare(left[i] as T, right[j] as T) <= 0)
    all.push((isLeft ? left[i++] : right[j++]) as T)
    if (all.length % RUN === 0) {
      const turn = turns()
      if (turn !== undefined) await turn
    }
  }
  return all
}
