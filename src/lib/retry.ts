import { cancelledBy } from './abort.ts'

/** Waits `ms` milliseconds; ends early with CANCELLED when `signal` aborts. A value, so that tests need not wait. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

export const systemSleep: Sleep = async (ms, signal) => {
  let left = ms
  for (; left > LONGEST_TIMER_MS; left -= LONGEST_TIMER_MS) await waitOnce(LONGEST_TIMER_MS, signal)
  await waitOnce(left, signal)
}

/** A timer that is set for longer goes off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const waitOnce: Sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(cancelledBy(signal))
      return
    }
    const end = () => {
      clearTimeout(timer)
      reject(cancelledBy(signal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end)
      resolve()
    }, ms)
    signal?.addEventListener('abort', end, { once: true })
  })

export interface Backoff {
  readonly firstMs: number
  readonly factor: number
  readonly maxMs: number
}

/** The wait before try `attempt` + 1 (`attempt` counts from 1): exponential, with the upper half left to chance (`random` in [0, 1)). */
export function backoffMs(attempt: number, { firstMs, factor, maxMs }: Backoff, random: () => number): number {
  const full = Math.min(maxMs, firstMs * factor ** (attempt - 1))
  return full / 2 + (full / 2) * random()
}
