/** The end of runs whose process does not live any more. */
import type { Database } from '../../db/engine/engine.ts'
import { isResting } from '../../db/mirrors/life.ts'
import { releaseClaimsOf } from '../../db/mirrors/mirror-hints.ts'
import { findMirror, setMirrorState } from '../../db/mirrors/mirrors.ts'
import { endRun, listRunningRuns } from '../../db/mirrors/sync-runs.ts'
import { listLeases, SERVER_LEASE, voidLease } from '../../db/platform/leases.ts'
import type { SyncRunRow } from '../../db/schema.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { nextState } from './state.ts'

export const MIRROR_LEASE = 'mirror:'

/**
 * Ends runs whose process has died: they have failed, their mirrors are due at once, and whoever wakes late has lost its lease.
 * @param isMine runs of this process are never over here
 * @returns how many there were
 */
export async function endOrphans(db: Database, clock: Clock, isMine: (runId: string) => boolean): Promise<number> {
  const now = isoTime(clock.now())
  const running = (await listRunningRuns(db.read)).filter((run) => !isMine(run.id))
  if (running.length === 0) return 0
  const isOrphan = await judgeOrphans(db.read, now)
  let ended = 0
  for (const { id } of running.filter(isOrphan)) if (await endOrphan(db, id, now)) ended++
  return ended
}

/** A run lives while its process says so, or while that process holds the mirror's lease. */
async function judgeOrphans(db: Database['read'], now: string) {
  const living = async (prefix: string) =>
    new Map(
      (await listLeases(db, prefix))
        .filter((lease) => lease.holder !== null && lease.expires_at > now)
        .map((lease) => [lease.key, lease.holder]),
    )
  const servers = await living(SERVER_LEASE)
  const mirrors = await living(MIRROR_LEASE)
  return (run: SyncRunRow) => {
    const owner = mirrors.get(`${MIRROR_LEASE}${run.mirror_id}`)
    if (run.holder === null) return owner === undefined
    return !servers.has(`${SERVER_LEASE}${run.holder}`) && owner !== run.holder
  }
}

const NOT_BEGUN = 'the server ended before this run had begun'
const MESSAGE = 'the server ended during this run; what it fetched is kept'

function endOrphan(db: Database, runId: string, at: string): Promise<boolean> {
  return db.write(async (tx) => {
    const run = (await listRunningRuns(tx)).find(({ id }) => id === runId)
    // Judged again, in the transaction that ends it: its process may have said something since.
    if (run === undefined || !(await judgeOrphans(tx, at))(run)) return false
    // One that waited for its place had no lease, and says nothing of its mirror.
    const hasBegun = run.generation > 0
    const message = hasBegun ? MESSAGE : NOT_BEGUN
    const failures = JSON.stringify([{ tag: null, digest: null, code: 'CANCELLED', message }])
    await endRun(tx, run.id, { outcome: 'failed', at, failures })
    await voidLease(tx, `${MIRROR_LEASE}${run.mirror_id}`, run.holder)
    const mirror = await findMirror(tx, run.mirror_id)
    if (mirror === undefined) return true
    await releaseClaimsOf(tx, mirror.id, at)
    const nextRunAt = (await isResting(tx, mirror.id)) ? null : at
    await setMirrorState(tx, mirror.id, {
      state: hasBegun ? nextState(mirror.state, 'run interrupted') : mirror.state,
      reason: hasBegun ? MESSAGE : mirror.reason,
      nextRunAt,
      at,
    })
    return true
  })
}
