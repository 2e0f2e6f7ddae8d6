/** Notices that the clock was set back, and brings back what would wait for the time that it showed before. */
import type { Database } from '../../db/engine/engine.ts'
import { scheduleMirror } from '../../db/mirrors/mirrors.ts'
import { bringBackTimes, CLOCK_SLACK_MS, hasFarTimes, listFarMirrors } from '../../db/mirrors/times-to-come.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { farthestRunAt, MAX_BACKOFF_MS } from './schedule.ts'

/** Another server, or one that has ended, may have written by a clock that was wrong: looked at again after this. */
const EVERY_MS = 60_000

export interface ClockWatch {
  /** Looks at the start, whenever the clock shows less than before, and once a minute. */
  look(): Promise<void>
}

export function createClockWatch(o: {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly intervalMs: number
  readonly leaseTtlMs: number
}): ClockWatch {
  const { db, clock, logger } = o
  let lookedMs: number | undefined
  let looking: Promise<void> | undefined

  async function bringBack(nowMs: number, isSuspect: boolean): Promise<void> {
    const now = new Date(nowMs)
    const at = isoTime(now)
    const nearMs = Math.max(MAX_BACKOFF_MS, o.intervalMs * 1.1) + CLOCK_SLACK_MS
    const far = (await listFarMirrors(db.read, isoTime(new Date(nowMs + nearMs)))).filter(
      ({ settings, next_run_at }) =>
        Date.parse(next_run_at) > farthestRunAt(settings, now, o.intervalMs) + CLOCK_SLACK_MS,
    )
    if (!isSuspect && far.length === 0 && !(await hasFarTimes(db.read, at))) return
    const leasesUntil = isoTime(new Date(nowMs + o.leaseTtlMs))
    await db.write(async (tx) => {
      await bringBackTimes(tx, { now: at, leasesUntil })
      for (const { id } of far) await scheduleMirror(tx, id, at)
    })
    if (far.length > 0)
      logger.warn({ mirrors: far.length }, 'the clock was set back: mirrors that waited for later are due')
  }

  return {
    look() {
      const nowMs = clock.now().getTime()
      const isSetBack = lookedMs === undefined || nowMs < lookedMs - CLOCK_SLACK_MS
      if (!isSetBack && lookedMs !== undefined && nowMs < lookedMs + EVERY_MS) return looking ?? Promise.resolve()
      lookedMs = nowMs
      looking = (looking ?? Promise.resolve())
        .catch(() => {})
        .then(() => bringBack(nowMs, isSetBack))
        .finally(() => {
          looking = undefined
        })
      return looking
    },
  }
}
