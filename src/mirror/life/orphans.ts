/** The end of runs whose process does not live any more. */
import type { Database, Transaction } from '../../db/engine/engine.ts'
import { listLeases, SERVER_LEASE, voidLease } from '../../db/platform/leases.ts'
import type { RestingState, RunRow } from '../../db/schema.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { RunKind, RunSubject } from './run-kind.ts'
import { nextState } from './state.ts'

/** What runs stand in, and how it is written down. */
export interface OrphanSubject extends RunSubject {
  readonly state: RestingState
  readonly reason: string | null
}

export interface OrphanOptions<Subject extends OrphanSubject> {
  readonly kind: RunKind<Subject>
  readonly db: Database
  readonly clock: Clock
  /** Runs of this process are never over here. */
  isMine(runId: string): boolean
  setState(
    tx: Transaction,
    id: string,
    change: { state: RestingState; reason: string | null; nextRunAt: string | null; at: string },
  ): Promise<unknown>
  /** What else hangs on a run that is over. */
  release?(tx: Transaction, id: string, at: string): Promise<void>
}

/**
 * Ends runs whose process has died: they have failed, what they are of is due at once, and whoever wakes late has lost its lease.
 * @returns how many there were
 */
export async function endOrphans<Subject extends OrphanSubject>(o: OrphanOptions<Subject>): Promise<number> {
  const { db } = o
  const now = isoTime(o.clock.now())
  const running = (await o.kind.runs.listRunningRuns(db.read)).filter((run) => !o.isMine(run.id))
  if (running.length === 0) return 0
  const isOrphan = await judgeOrphans(o.kind, db.read, now)
  let ended = 0
  for (const { id } of running.filter(isOrphan)) if (await endOrphan(o, id, now)) ended++
  return ended
}

/** A run lives while its process says so, or while that process holds the lease of what it is of. */
async function judgeOrphans<Subject extends RunSubject>(kind: RunKind<Subject>, db: Database['read'], now: string) {
  const living = async (prefix: string) =>
    new Map(
      (await listLeases(db, prefix))
        .filter((lease) => lease.holder !== null && lease.expires_at > now)
        .map((lease) => [lease.key, lease.holder]),
    )
  const servers = await living(SERVER_LEASE)
  const owners = await living(kind.lease)
  return (run: RunRow) => {
    const owner = owners.get(`${kind.lease}${kind.ownerOf(run)}`)
    if (run.holder === null) return owner === undefined
    return !servers.has(`${SERVER_LEASE}${run.holder}`) && owner !== run.holder
  }
}

const NOT_BEGUN = 'the server ended before this run had begun'
const MESSAGE = 'the server ended during this run; what it fetched is kept'

function endOrphan<Subject extends OrphanSubject>(
  o: OrphanOptions<Subject>,
  runId: string,
  at: string,
): Promise<boolean> {
  const { kind, db } = o
  return db.write(async (tx) => {
    const run = (await kind.runs.listRunningRuns(tx)).find(({ id }) => id === runId)
    // Judged again, in the transaction that ends it: its process may have said something since.
    if (run === undefined || !(await judgeOrphans(kind, tx, at))(run)) return false
    // One that waited for its place had no lease, and says nothing of what it is of.
    const hasBegun = run.generation > 0
    const message = hasBegun ? MESSAGE : NOT_BEGUN
    const failures = JSON.stringify([{ tag: null, digest: null, code: 'CANCELLED', message }])
    await kind.runs.endRun(tx, run.id, { outcome: 'failed', at, failures })
    const id = kind.ownerOf(run)
    await voidLease(tx, `${kind.lease}${id}`, run.holder)
    const subject = await kind.find(tx, id)
    if (subject === undefined) return true
    await o.release?.(tx, id, at)
    const nextRunAt = (await kind.isResting(tx, id)) ? null : at
    await o.setState(tx, id, {
      state: hasBegun ? nextState(subject.state, 'run interrupted') : subject.state,
      reason: hasBegun ? MESSAGE : subject.reason,
      nextRunAt,
      at,
    })
    return true
  })
}
