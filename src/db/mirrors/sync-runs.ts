import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { RunOutcome, SyncRunRow } from '../schema.ts'

export async function insertRun(tx: Transaction, run: SyncRunRow): Promise<void> {
  await tx.insertInto('sync_runs').values(run).execute()
}

export async function findRun(db: Queries, id: string): Promise<SyncRunRow | undefined> {
  return db.selectFrom('sync_runs').selectAll().where('id', '=', id).executeTakeFirst()
}

/**
 * The run has its mirror's lease. Whatever ran under an earlier generation is over, though it could not write that down
 * (a full disk, a lost database): it has failed.
 */
export async function setRunGeneration(
  tx: Transaction,
  run: { readonly id: string; readonly mirrorId: string },
  generation: number,
  o: { readonly at: string; readonly failuresOfEarlier: string },
): Promise<void> {
  await tx.updateTable('sync_runs').set({ generation }).where('id', '=', run.id).execute()
  await tx
    .updateTable('sync_runs')
    .set({ outcome: 'failed', ended_at: o.at, failures: o.failuresOfEarlier })
    .where('mirror_id', '=', run.mirrorId)
    .where('outcome', '=', 'running')
    .where('generation', '>', 0)
    .where('generation', '<', generation)
    .execute()
}

/** The tags that it is limited to, as JSON; they may grow until it begins. */
export async function setRunTags(tx: Transaction, id: string, tags: string | null): Promise<void> {
  await tx.updateTable('sync_runs').set({ tags }).where('id', '=', id).execute()
}

/** Nothing happens to a run that has ended. @returns whether it was running */
export async function endRun(
  tx: Transaction,
  id: string,
  end: {
    readonly outcome: Exclude<RunOutcome, 'running'>
    readonly at: string
    /** JSON; absent: as they are. */
    readonly counts?: string
    readonly failures?: string
  },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('sync_runs')
    .set({
      outcome: end.outcome,
      ended_at: end.at,
      ...(end.counts === undefined ? {} : { counts: end.counts }),
      ...(end.failures === undefined ? {} : { failures: end.failures }),
    })
    .where('id', '=', id)
    .where('outcome', '=', 'running')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Where a page ended. */
export function runCursor(run: { readonly id: string; readonly startedAt: string }): string {
  return formatCursor([run.startedAt, run.id])
}

/** Newest first. @param o.after see runCursor @throws AppError INVALID_REQUEST when it is none */
export async function listRuns(
  db: Queries,
  mirrorId: string,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<SyncRunRow[]> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  let query = db
    .selectFrom('sync_runs')
    .selectAll()
    .where('mirror_id', '=', mirrorId)
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(o.limit)
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([eb('started_at', '<', after[0]), eb.and([eb('started_at', '=', after[0]), eb('id', '<', after[1])])]),
    )
  }
  return query.execute()
}

/** The newest run of each mirror. */
export async function listLastRuns(db: Queries, mirrorIds: readonly string[]): Promise<Map<string, SyncRunRow>> {
  const last = new Map<string, SyncRunRow>()
  for (const id of mirrorIds) {
    const [run] = await listRuns(db, id, { limit: 1 })
    if (run !== undefined) last.set(id, run)
  }
  return last
}

/** Runs that no end was written for. */
export async function listRunningRuns(db: Queries): Promise<SyncRunRow[]> {
  return db.selectFrom('sync_runs').selectAll().where('outcome', '=', 'running').execute()
}

/** Old ended runs beyond the newest `keep` of a mirror. */
export async function pruneRuns(tx: Transaction, mirrorId: string, keep: number): Promise<void> {
  await tx
    .deleteFrom('sync_runs')
    .where('mirror_id', '=', mirrorId)
    .where('outcome', '!=', 'running')
    .where('id', 'not in', (eb) =>
      eb
        .selectFrom('sync_runs')
        .select('id')
        .where('mirror_id', '=', mirrorId)
        .orderBy('started_at', 'desc')
        .orderBy('id', 'desc')
        .limit(keep),
    )
    .execute()
}
