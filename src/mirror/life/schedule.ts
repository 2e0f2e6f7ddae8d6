/** When a mirror runs next, and the loop that begins what is due. */
import { mirrorSettingsSchema, type Schedule } from '../../api/mirror-settings.ts'
import type { RunOutcome } from '../../api/runs.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { parseDuration } from '../../lib/duration.ts'
import { lazily } from '../../lib/lazily.ts'
import type { Logger } from '../../lib/logger.ts'
import { type Backoff, backoffMs, type Sleep } from '../../lib/retry.ts'

const croner = lazily(() => require('croner') as typeof import('croner'))

/** The longest sleep of the loop, so that a clock that was set back, or another server's change, is noticed. */
const MAX_SLEEP_MS = 60_000
const FAILED: Omit<Backoff, 'maxMs'> = { firstMs: 15_000, factor: 2 }
/** However often it failed, a mirror is tried again after this. */
export const MAX_BACKOFF_MS = 60 * 60 * 1000

export type Cadence = { readonly everyMs: number } | { readonly cron: string }

export function cadenceOf(schedule: Schedule): Cadence {
  return 'every' in schedule ? { everyMs: parseDuration(schedule.every) } : schedule
}

/**
 * The next run of a mirror: after its interval with a tenth of jitter, or when cron says; after a failed run sooner at first, then ever later.
 * @param failedBefore runs that failed in a row, this one included
 */
export function nextRunAt(o: {
  readonly now: Date
  readonly outcome: Exclude<RunOutcome, 'running' | 'stopped'>
  readonly failedBefore: number
  readonly cadence: Cadence
  readonly random: () => number
}): string {
  const after = (ms: number) => isoTime(new Date(o.now.getTime() + ms))
  if (o.outcome === 'failed') {
    const maxMs = Math.max('everyMs' in o.cadence ? o.cadence.everyMs : 0, MAX_BACKOFF_MS)
    return after(Math.min(backoffMs(o.failedBefore, { ...FAILED, maxMs }, o.random), maxMs))
  }
  if ('everyMs' in o.cadence) return after(o.cadence.everyMs * (0.9 + 0.2 * o.random()))
  const next = new (croner().Cron)(o.cadence.cron, { timezone: 'UTC', mode: '5-part' }).nextRun(o.now)
  if (next === null) throw new Error(`cron ${o.cadence.cron} never comes`)
  return isoTime(next)
}

/** How long after `now` the next pass of a mirror is expected when one is made now, in milliseconds. @param settings JSON */
export function nextPassMs(settings: string, now: Date, defaultMs: number): number {
  const { schedule } = mirrorSettingsSchema.parse(JSON.parse(settings))
  const cadence = schedule === undefined ? { everyMs: defaultMs } : cadenceOf(schedule)
  if ('everyMs' in cadence) return cadence.everyMs
  const next = nextRunAt({ now, outcome: 'done', failedBefore: 0, cadence, random: () => 0 })
  return Date.parse(next) - now.getTime()
}

/** The latest that the next run of a mirror is planned at `now`, in milliseconds. @param settings JSON */
export function farthestRunAt(settings: string, now: Date, defaultMs: number): number {
  const passMs = nextPassMs(settings, now, defaultMs)
  return now.getTime() + Math.max(MAX_BACKOFF_MS, 1.1 * Math.max(passMs, defaultMs))
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
