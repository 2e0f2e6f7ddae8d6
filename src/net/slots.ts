import { cancelledBy } from '../lib/abort.ts'

/** `bulk` is for blobs, whose bodies last; `small` for everything else, which must not queue behind them. */
export type Lane = 'small' | 'bulk'

/** A counted number of places, given out in order of asking within a lane. */
export interface Slots {
  /** Resolves to the function that gives the place back (safe to call twice). @throws AppError CANCELLED when `signal` ends the wait */
  acquire(lane: Lane, signal?: AbortSignal): Promise<() => void>
  readonly inUse: number
}

/** `total` places, of which `bulk` work may hold at most `bulk`, so that small work always finds a free one soon. */
export function createSlots({ total, bulk }: { readonly total: number; readonly bulk: number }): Slots {
  const limit = { small: total, bulk }
  const used = { small: 0, bulk: 0 }
  const waiting: Record<Lane, (() => void)[]> = { small: [], bulk: [] }
  const isFree = (lane: Lane) => used.small + used.bulk < total && used[lane] < limit[lane]

  function take(lane: Lane): () => void {
    used[lane]++
    let held = true
    return () => {
      if (!held) return
      held = false
      used[lane]--
      for (const next of ['small', 'bulk'] as const) {
        while (waiting[next].length > 0 && isFree(next)) waiting[next].shift()?.()
      }
    }
  }

  return {
    get inUse() {
      return used.small + used.bulk
    },
    async acquire(lane, signal) {
      if (signal?.aborted) throw cancelledBy(signal)
      if (isFree(lane) && waiting[lane].length === 0) return take(lane)
      return await new Promise((resolve, reject) => {
        const grant = () => {
          signal?.removeEventListener('abort', giveUp)
          resolve(take(lane))
        }
        const giveUp = () => {
          waiting[lane].splice(waiting[lane].indexOf(grant), 1)
          reject(cancelledBy(signal))
        }
        signal?.addEventListener('abort', giveUp, { once: true })
        waiting[lane].push(grant)
      })
    },
  }
}
