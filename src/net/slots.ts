import { cancelledBy } from '../lib/abort.ts'

/** `bulk` is for blobs, whose bodies last; `small` for everything else, which must not queue behind them. */
export type Lane = 'small' | 'bulk'

/** A part of the places: all who name the same `key` hold at most `most` of them together. */
export interface Share {
  readonly key: string
  readonly most: number
}

/** A counted number of places. A free one goes to whoever's first share holds fewest, then in order of asking; small before bulk. */
export interface Slots {
  /**
   * Resolves to the function that gives the place back (safe to call twice).
   * @param shares the place counts in each of them; the first is the one that fairness is between
   * @throws AppError CANCELLED when `signal` ends the wait
   */
  acquire(lane: Lane, signal?: AbortSignal, shares?: readonly Share[]): Promise<() => void>
  readonly inUse: number
}

/** Of any places, total or shared, `bulk` work holds at most this part, so that small work always finds a free one soon. */
const BULK_PART = 0.75

export function bulkOf(places: number): number {
  return Math.max(1, Math.floor(places * BULK_PART))
}

type Count = Record<Lane, number>

interface Waiting {
  readonly lane: Lane
  readonly shares: readonly Share[]
  grant(): void
}

/** `total` places, of which `bulk` work may hold at most `bulk`. */
export function createSlots({ total, bulk }: { readonly total: number; readonly bulk: number }): Slots {
  const used: Count = { small: 0, bulk: 0 }
  const usedOf = new Map<string, Count>()
  const waiting: Record<Lane, Set<Waiting>> = { small: new Set(), bulk: new Set() }

  const fits = (count: Count, lane: Lane, most: number, mostBulk: number) =>
    count.small + count.bulk < most && (lane === 'small' || count.bulk < mostBulk)
  const isFree = (lane: Lane, shares: readonly Share[]) =>
    fits(used, lane, total, bulk) &&
    shares.every(({ key, most }) => fits(usedOf.get(key) ?? { small: 0, bulk: 0 }, lane, most, bulkOf(most)))
  const heldBy = ({ shares }: Waiting) => {
    const count = usedOf.get(shares[0]?.key ?? '')
    return count === undefined ? 0 : count.small + count.bulk
  }

  function take(lane: Lane, shares: readonly Share[]): () => void {
    used[lane]++
    for (const { key } of shares) {
      const count = usedOf.get(key) ?? { small: 0, bulk: 0 }
      count[lane]++
      usedOf.set(key, count)
    }
    let held = true
    return () => {
      if (!held) return
      held = false
      used[lane]--
      for (const { key } of shares) {
        const count = usedOf.get(key)
        if (count !== undefined && --count[lane] + count[lane === 'small' ? 'bulk' : 'small'] === 0) usedOf.delete(key)
      }
      for (let next = findNext(); next !== undefined; next = findNext()) next.grant()
    }
  }

  /** Afterwards nobody waits for whom there is a place: a newcomer that finds one takes it from nobody. */
  function findNext(): Waiting | undefined {
    for (const lane of ['small', 'bulk'] as const) {
      let best: Waiting | undefined
      if (fits(used, lane, total, bulk)) {
        for (const one of waiting[lane]) {
          if ((best === undefined || heldBy(one) < heldBy(best)) && isFree(lane, one.shares)) best = one
        }
      }
      if (best !== undefined) return best
    }
    return undefined
  }

  return {
    get inUse() {
      return used.small + used.bulk
    },
    async acquire(lane, signal, shares = []) {
      if (signal?.aborted) throw cancelledBy(signal)
      if (isFree(lane, shares)) return take(lane, shares)
      return await new Promise((resolve, reject) => {
        const one: Waiting = {
          lane,
          shares,
          grant() {
            waiting[lane].delete(one)
            signal?.removeEventListener('abort', giveUp)
            resolve(take(lane, shares))
          },
        }
        const giveUp = () => {
          waiting[lane].delete(one)
          reject(cancelledBy(signal))
        }
        signal?.addEventListener('abort', giveUp, { once: true })
        waiting[lane].add(one)
      })
    },
  }
}
