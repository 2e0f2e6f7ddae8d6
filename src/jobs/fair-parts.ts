/** How a number of places is divided between those who have use for them. Pure. */

export interface Wanting {
  readonly holder: string
  readonly wanted: number
}

/**
 * Nobody gets more than it wants before everybody has what it wants, as evenly as whole numbers allow; what is left then is divided
 * as evenly. Where it does not come out even, those who are first by `turn` have one more: with time everybody is.
 * @returns the part of each, whose sum is `total` unless there is nobody
 */
export function fairParts(total: number, all: readonly Wanting[], turn = 0): Map<string, number> {
  const sorted = [...all].sort((a, b) => (a.holder < b.holder ? -1 : 1))
  const first = sorted.length === 0 ? 0 : turn % sorted.length
  const inTurn = [...sorted.slice(first), ...sorted.slice(0, first)]
  const parts = new Map(inTurn.map(({ holder }) => [holder, 0]))
  let left = total
  const hand = (mayHave: (one: Wanting, has: number) => boolean) => {
    for (let isGiven = true; isGiven && left > 0; ) {
      isGiven = false
      for (const one of inTurn) {
        const has = parts.get(one.holder) ?? 0
        if (left === 0 || !mayHave(one, has)) continue
        parts.set(one.holder, has + 1)
        left--
        isGiven = true
      }
    }
  }
  hand(({ wanted }, has) => has < wanted)
  hand(() => true)
  return parts
}
