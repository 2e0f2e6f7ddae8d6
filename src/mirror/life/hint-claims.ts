/** What becomes of hints when the run that has claimed them ends; in the transaction that writes the end down. */
import type { Transaction } from '../../db/engine/engine.ts'
import { endClaim, findAttempts, releaseClaim } from '../../db/mirrors/mirror-hints.ts'
import { isoTime } from '../../lib/clock.ts'
import { backoffMs } from '../../lib/retry.ts'

/** Runs of a hint that fail as a whole; then the schedule goes on with the mirror. */
const MAX_ATTEMPTS = 5
const RETRY = { firstMs: 15_000, factor: 2, maxMs: 5 * 60_000 } as const

export async function settleClaims(
  tx: Transaction,
  claims: readonly string[],
  end: {
    /** The server ended, or another server has the mirror: nobody has looked. */
    readonly isUnseen: boolean
    /** Upstream could not be asked. */
    readonly hasFailed: boolean
    readonly now: Date
    readonly random: () => number
  },
): Promise<void> {
  for (const claim of claims) {
    if (end.isUnseen) await releaseClaim(tx, claim, { dueAt: isoTime(end.now) })
    else if (!end.hasFailed) await endClaim(tx, claim)
    else {
      const wait = backoffMs(1 + (await findAttempts(tx, claim)), RETRY, end.random)
      const dueAt = isoTime(new Date(end.now.getTime() + wait))
      await releaseClaim(tx, claim, { dueAt, maxAttempts: MAX_ATTEMPTS })
    }
  }
}
