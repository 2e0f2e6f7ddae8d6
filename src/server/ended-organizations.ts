/** Empties organizations that were deleted, by whichever server looks first; what one leaves half-way another goes on with. */
import type { Database } from '../db/engine/engine.ts'
import { listClosedOrganizations, noteEmptied } from '../db/mirrors/organization-ends.ts'
import { removePortion } from '../db/mirrors/organization-remains.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { type Round, startRound } from '../mirror/life/round.ts'

const EVERY_MS = 5_000

export function startEmptying(o: { readonly db: Database; readonly clock: Clock; readonly logger: Logger }): Round {
  const closing = new AbortController()
  const work = async () => {
    for (const organization of await listClosedOrganizations(o.db.read)) {
      if (!(await emptyOrganization(o, organization, closing.signal))) return
      o.logger.info({ organization }, 'a deleted organization is empty')
    }
  }
  const round = startRound({ everyMs: EVERY_MS, logger: o.logger, what: 'deleted organizations', work })
  return {
    close() {
      closing.abort()
      return round.close()
    },
  }
}

/** @returns false when it was broken off */
export async function emptyOrganization(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  id: string,
  signal?: AbortSignal,
): Promise<boolean> {
  while (await db.stage((tx) => removePortion(tx, id))) {
    if (signal?.aborted === true) return false
    // Requests come in between.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await db.write((tx) => noteEmptied(tx, id, isoTime(clock.now())))
  return true
}
