/** Collections by the schedule: whichever server finds first that one is due begins it, and the lease lets no second one in. */
import { findLastCollection } from '../db/collection/collections.ts'
import { isAppError } from '../errors.ts'
import type { Logger } from '../lib/logger.ts'
import { type Round, startRound } from '../mirror/life/round.ts'
import { type CollectorOptions, startCollection } from '../registry/collection/collector.ts'

/** How often it is looked whether one is due. */
const LOOK_MS = 60_000

export function startCollecting(o: CollectorOptions & { readonly everyMs: number; readonly logger: Logger }): Round {
  const closing = new AbortController()
  const round = startRound({
    everyMs: Math.min(LOOK_MS, o.everyMs),
    logger: o.logger,
    what: 'garbage collection',
    work: () => collectIfDue(o, closing.signal),
  })
  return {
    close() {
      closing.abort()
      return round.close()
    },
  }
}

export async function collectIfDue(
  o: CollectorOptions & { readonly everyMs: number; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  const last = await findLastCollection(o.db.read, { ended: false })
  if (last !== undefined && Date.parse(last.started_at) + o.everyMs > o.clock.now().getTime()) return
  try {
    const { done } = await startCollection(o, { requestedBy: null, isNow: false, signal })
    const collected = await done
    o.logger.info(collected, 'garbage collection ended')
  } catch (error) {
    // Another server was faster, or somebody has asked for one.
    if (!isAppError(error, 'CONFLICT')) throw error
  }
}
