/** When a mirror runs next, and the loop that begins what is due. */
import type { RunOutcome } from '../../api/runs.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { type Backoff, backoffMs, type Sleep } from '../../lib/retry.ts'

/** The longest sleep of the loop, so that a clock that was set back, or another server's change, is noticed. */
const MAX_SLEEP_MS = 60_000
const FAILED: Omit<Backoff, 'maxMs'> = { firstMs: 15_000, factor: 2 }
const MAX_BACKOFF_MS = 15 * 60 * 1000

/**
 * The next run of a mirror: after a tenth of jitter around the interval; after a failed run sooner at first, then ever later.
 * @param failedBefore runs that failed in a row, this one included
 */
export function nextRunAt(o: {
  readonly now: Date
  readonly outcome: Exclude<RunOutcome, 'running' | 'stopped'>
  readonly failedBefore: number
  readonly intervalMs: number
  readonly random: () => number
}): string {
  const wait =
    o.outcome === 'failed'
      ? Math.min(
          backoffMs(o.failedBefore, { ...FAILED, maxMs: Math.max(o.intervalMs, MAX_BACKOFF_MS) }, o.random),
          Math.max(o.intervalMs, MAX_BACKOFF_MS),
        )
      : o.intervalMs * (0.9 + 0.2 * o.random())
  return isoTime(new Date(o.now.getTime() + wait))
}

export interface SchedulerOptions {
  readonly clock: Clock
  readonly sleep: Sleep
  readonly logger: Logger
  /** Begins what is due at `now` as far as there is room. @returns when to look again; undefined: nothing is planned */
  beginDue(now: string): Promise<string | undefined>
}

export interface Scheduler {
  /** Looks again at once, e.g. because a run has ended. */
  wake(): void
  /** Ends the loop. */
  close(): Promise<void>
}

export function startScheduler(o: SchedulerOptions): Scheduler {
  const closing = new AbortController()
  let nap = new AbortController()
  let isWoken = false
  const loop = async () => {
    while (!closing.signal.aborted) {
      isWoken = false
      const now = o.clock.now()
      let next: string | undefined
      try {
        next = await o.beginDue(isoTime(now))
      } catch (error) {
        o.logger.error({ err: error }, 'the schedule could not begin what is due')
      }
      if (isWoken || closing.signal.aborted) continue
      const wait = next === undefined ? MAX_SLEEP_MS : Date.parse(next) - now.getTime()
      nap = new AbortController()
      // A nap that is cut short is no failure.
      await o.sleep(Math.min(Math.max(wait, 50), MAX_SLEEP_MS), nap.signal).catch(() => {})
    }
  }
  const wake = () => {
    isWoken = true
    nap.abort()
  }
  const running = loop()
  return {
    wake,
    async close() {
      closing.abort()
      wake()
      await running
    },
  }
}
