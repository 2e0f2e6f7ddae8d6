import type { Clock } from '../lib/clock.ts'
import type { Rate } from '../lib/rate.ts'
import type { Sleep } from '../lib/retry.ts'
import { createSlots, type Share, type Standing } from './slots.ts'

/** Keeps what passes it to one rate: evenly, with a burst of what one second allows. */
export interface RateGate {
  /** One request: in turn between the shares, within one by rank. @throws AppError CANCELLED */
  pass(shares: readonly Share[], standing: Standing, signal: AbortSignal | undefined): Promise<void>
  /** Bytes that have come: resolves when the next ones may. @throws AppError CANCELLED */
  spend(bytes: number, signal: AbortSignal | undefined): Promise<void>
}

export function createRateGate(
  rate: Rate,
  { clock, sleep }: { readonly clock: Clock; readonly sleep: Sleep },
): RateGate {
  const perMs = rate.amount / rate.perMs
  const most = Math.max(1, perMs * 1000)
  const turnstile = createSlots({ total: 1, bulk: 1 })
  let free = most
  let atMs = clock.now().getTime()
  const refill = () => {
    const nowMs = clock.now().getTime()
    // A clock that was set back gives nothing and takes nothing.
    free = Math.min(most, free + Math.max(0, nowMs - atMs) * perMs)
    atMs = nowMs
  }
  /** Until `wanted` are free, in whole milliseconds. */
  const missingMs = (wanted: number) => {
    refill()
    return free >= wanted ? 0 : Math.ceil((wanted - free) / perMs)
  }
  return {
    async pass(shares, standing, signal) {
      const leave = await turnstile.acquire('small', signal, shares, standing)
      try {
        for (let ms = missingMs(1); ms > 0; ms = missingMs(1)) await sleep(ms, signal)
        free -= 1
      } finally {
        leave()
      }
    },
    async spend(bytes, signal) {
      refill()
      free -= bytes
      const ms = missingMs(0)
      if (ms > 0) await sleep(ms, signal)
    },
  }
}
