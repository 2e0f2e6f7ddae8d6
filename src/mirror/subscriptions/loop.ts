/** Begins what subscriptions have to do, a few at a time: a slow catalog holds up no other. */

import { isCancelled } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Sleep } from '../../lib/retry.ts'
import { type Scheduler, startScheduler } from '../life/schedule.ts'

const AT_ONCE = 4
/** How long one waits that another server is at, or that ended in an error nobody expected. */
const AGAIN_MS = 15_000

interface LoopOptions {
  readonly clock: Clock
  readonly sleep: Sleep
  readonly logger: Logger
  /** @returns false when another server is at it */
  work(id: string): Promise<boolean>
  listDue(at: string, limit: number): Promise<string[]>
  findNext(): Promise<string | undefined>
}

export interface Loop {
  begin(): void
  wake(): void
  close(): Promise<void>
}

export function createLoop(o: LoopOptions): Loop {
  const running = new Map<string, Promise<void>>()
  /** Not before these times, in milliseconds. */
  const later = new Map<string, number>()
  let scheduler: Scheduler | undefined

  async function one(id: string): Promise<void> {
    try {
      if (await o.work(id)) return
    } catch (error) {
      if (isCancelled(error)) return
      o.logger.error({ err: error, subscription: id }, 'a subscription could not go on')
    }
    later.set(id, o.clock.now().getTime() + AGAIN_MS)
  }

  async function beginDue(at: string): Promise<string | undefined> {
    const now = Date.parse(at)
    // Further away than that: the clock was set back meanwhile.
    for (const [id, time] of later) if (time <= now || time > now + AGAIN_MS) later.delete(id)
    const waiting = [...running.keys(), ...later.keys()]
    const due = (await o.listDue(at, waiting.length + AT_ONCE)).filter((id) => !running.has(id) && !later.has(id))
    for (const id of due.slice(0, AT_ONCE - running.size)) {
      const work = one(id).finally(() => {
        running.delete(id)
        scheduler?.wake()
      })
      running.set(id, work)
    }
    // Whatever is due now has begun, waits for a place (and is woken by its end), or waits for its time.
    const times = [...later.values()].map((time) => isoTime(new Date(time)))
    const next = await o.findNext()
    return [...times, ...(next === undefined || next <= at ? [] : [next])].sort()[0]
  }

  return {
    begin() {
      scheduler ??= startScheduler({ clock: o.clock, sleep: o.sleep, logger: o.logger, beginDue })
    },
    wake: () => scheduler?.wake(),
    async close() {
      await scheduler?.close()
      await Promise.all(running.values())
    },
  }
}
