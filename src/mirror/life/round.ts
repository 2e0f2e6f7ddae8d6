import type { Logger } from '../../lib/logger.ts'

/** Something that is done again and again, by the clock of the machine, until it is closed. */
export interface Round {
  /** Resolves when what is under way has ended. */
  close(): Promise<void>
}

/** One after the other, never two at once; what fails is logged and tried again at its next time. */
export function startRound(o: {
  readonly everyMs: number
  readonly logger: Logger
  readonly what: string
  work(): Promise<void>
}): Round {
  let present: Promise<void> | undefined
  const timer = setInterval(() => {
    present ??= o
      .work()
      .catch((error) => o.logger.error({ err: error }, `${o.what} could not be looked at`))
      .finally(() => {
        present = undefined
      })
  }, o.everyMs)
  timer.unref()
  return {
    async close() {
      clearInterval(timer)
      await present
    },
  }
}
