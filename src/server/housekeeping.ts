import { isCancelled } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { systemSleep } from '../lib/retry.ts'
import type { Uploads } from '../registry/uploads.ts'

/** A client that has sent nothing for so long does not come back to its upload. */
const UPLOAD_LIFE_MS = 24 * 60 * 60 * 1000
const ROUND_MS = 60 * 60 * 1000

export interface Housekeeping {
  /** Ends once the round under way is over. */
  close(): Promise<void>
}

/** Removes, at the start and every hour, what clients and crashes have left half-way. */
export function startHousekeeping(uploads: Uploads, clock: Clock, logger: Logger): Housekeeping {
  const closing = new AbortController()
  const loop = async () => {
    while (!closing.signal.aborted) {
      try {
        const ended = await uploads.expire(new Date(clock.now().getTime() - UPLOAD_LIFE_MS))
        if (ended > 0) logger.info({ ended }, 'idle uploads were removed')
      } catch (error) {
        logger.error({ err: error }, 'idle uploads could not be removed')
      }
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
