import { pruneHistory } from '../db/content/tag-history.ts'
import type { Database } from '../db/engine/engine.ts'
import { isCancelled } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { systemSleep } from '../lib/retry.ts'
import type { Uploads } from '../registry/uploads.ts'

/** A client that has sent nothing for so long does not come back to its upload. */
const UPLOAD_LIFE_MS = 24 * 60 * 60 * 1000
const ROUND_MS = 60 * 60 * 1000
/** Rows of the history that one transaction removes: others write in between. */
const HISTORY_BATCH = 1000

export interface Housekeeping {
  /** Ends once the round under way is over. */
  close(): Promise<void>
}

export interface HousekeepingOptions {
  readonly db: Database
  readonly uploads: Uploads
  readonly clock: Clock
  readonly logger: Logger
  /** How long the history of tags is kept. */
  readonly historyMs: number
}

/** Removes, at the start and every hour, what clients and crashes have left half-way, and history that is too old. */
export function startHousekeeping({ db, uploads, clock, logger, historyMs }: HousekeepingOptions): Housekeeping {
  const closing = new AbortController()
  const before = (ms: number) => new Date(clock.now().getTime() - ms)
  const attempt = async (what: string, work: () => Promise<number>) => {
    try {
      const removed = await work()
      if (removed > 0) logger.info({ removed }, `${what} removed`)
    } catch (error) {
      logger.error({ err: error }, `${what} could not be removed`)
    }
  }
  const loop = async () => {
    while (!closing.signal.aborted) {
      await attempt('idle uploads', () => uploads.expire(before(UPLOAD_LIFE_MS)))
      await attempt('old history of tags', () => forgetHistory(db, isoTime(before(historyMs)), closing.signal))
      await systemSleep(ROUND_MS, closing.signal).catch((error) => {
        if (!isCancelled(error)) throw error
      })
    }
  }
  const running = loop()
  return {
    async close() {
      closing.abort()
      await running
    },
  }
}

/** In batches, until there is no more. @returns how many rows */
export async function forgetHistory(db: Database, before: string, signal?: AbortSignal): Promise<number> {
  let removed = 0
  for (;;) {
    const batch = await db.write((tx) => pruneHistory(tx, before, HISTORY_BATCH))
    removed += batch
    if (batch < HISTORY_BATCH || signal?.aborted === true) return removed
  }
}
