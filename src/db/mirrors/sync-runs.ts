import { inChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { RunOutcome, SyncRunRow } from '../schema.ts'
import { countRun } from './mirror-counters.ts'

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
  await tx.updateTable('sync_runs').set({ generation, began_at: o.at }).where('id', '=', run.id).execute()
  const unsaid = await tx
    .selectFrom('sync_runs')
    .select('id')
    .where('mirror_id', '=', run.mirrorId)
    .where('outcome', '=', 'running')
    .where('generation', '>', 0)
    .where('generation', '<', generation)
    .execute()
  for (const { id } of unsaid) await endRun(tx, id, { outcome: 'failed', at: o.at, failures: o.failuresOfEarlier })
}

/** How far it is, as JSON of the API's Progress, for other servers; nothing once it has ended. */
export async function setRunProgress(tx: Transaction, id: string, progress: string): Promise<void> {
  await tx.updateTable('sync_runs').set({ progress }).where('id', '=', id).where('outcome', '=', 'running').execute()
}

/** What it set out to do, as JSON: known also when it is killed on the way. */
export async function setRunPlan(tx: Transaction, id: string, plan: string): Promise<void> {
  await tx.updateTable('sync_runs').set({ plan }).where('id', '=', id).execute()
}

/** The tags that it is limited to, as JSON; they may grow until it begins. */
export async function setRunTags(tx: Transaction, id: string, tags: string | null): Promise<void> {
  await tx.updateTable('sync_runs').set({ tags }).where('id', '=', id).execute()
}

/** Ends a run and counts it; nothing happens to one that has ended. @returns whether it was running */
export async function endRun(
  tx: Transaction,
  id: string,
  end: {
    readonly outcome: Exclude<RunOutcome, 'running'>
    readonly at: string
    /** JSON; absent: as they are. */
    readonly counts?: string
    readonly failures?: string
    readonly plan?: string | undefined
  },
): Promise<boolean> {
  const ended = await tx
    .updateTable('sync_runs')
    .set({
      outcome: end.outcome,
      ended_at: end.at,
      ...(end.counts === undefined ? {} : { counts: end.counts }),
      ...(end.failures === undefined ? {} : { failures: end.failures }),
      ...(end.plan === undefined ? {} : { plan: end.plan }),
      progress: null,
    })
    .where('id', '=', id)
    .where('outcome', '=', 'running')
    .returning(['mirror_id', 'counts', 'failures', 'generation', 'started_at', 'began_at', 'ended_at'])
    .executeTakeFirst()
  if (ended === undefined) return false
  await countRun(tx, ended.mirror_id, {
    outcome: end.outcome,
    counts: JSON.parse(ended.counts),
    failures: JSON.parse(ended.failures),
    times: timesOf(ended),
  })
  return true
}

/**
 * How long a run waited for its place, and how long it worked, in milliseconds; undefined: not known yet, or of before it was noted. A clock
 * that was set back makes neither negative.
 */
export function timesOf(row: Pick<SyncRunRow, 'generation' | 'started_at' | 'began_at' | 'ended_at'>): {
  readonly waitedMs: number | undefined
  readonly runningMs: number | undefined
} {
  const between = (from: string, to: string) => Math.max(0, Date.parse(to) - Date.parse(from))
  const { generation, started_at, began_at, ended_at } = row
  if (began_at !== null) {
    const runningMs = ended_at === null ? undefined : between(began_at, ended_at)
    return { waitedMs: between(started_at, began_at), runningMs }
  }
  // One that has no generation never had its place.
  if (generation > 0 || ended_at === null) return { waitedMs: undefined, runningMs: undefined }
  return { waitedMs: between(started_at, ended_at), runningMs: 0 }
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

/** How the newest runs stand, newest first, without what they have found: that may be megabytes. */
export async function listRunStandings(
  db: Queries,
  mirrorId: string,
  limit: number,
): Promise<Pick<SyncRunRow, 'id' | 'holder' | 'outcome' | 'progress' | 'ended_at'>[]> {
  return db
    .selectFrom('sync_runs')
    .select(['id', 'holder', 'outcome', 'progress', 'ended_at'])
    .where('mirror_id', '=', mirrorId)
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** The newest run of each mirror. */
export async function listLastRuns(db: Queries, mirrorIds: readonly string[]): Promise<Map<string, SyncRunRow>> {
  const last = new Map<string, SyncRunRow>()
  for (const chunk of inChunks(mirrorIds)) {
    const rows = await lastRuns(db).selectAll('run').where('mirror.id', 'in', chunk).execute()
    for (const run of rows) last.set(run.mirror_id, run)
  }
  return last
}

/** Each `mirror` with its last `run`: one query for however many mirrors. */
function lastRuns(db: Queries) {
  return db
    .selectFrom('mirrors as mirror')
    .innerJoin('sync_runs as run', (join) =>
      join.on('run.id', '=', (eb) =>
        eb
          .selectFrom('sync_runs as last')
          .select('last.id')
          .whereRef('last.mirror_id', '=', 'mirror.id')
          .orderBy('last.started_at', 'desc')
          .orderBy('last.id', 'desc')
          .limit(1),
      ),
    )
}

/** Those whose last run has noted a failure of this code. */
export async function listFailedBy(db: Queries, mirrorIds: readonly string[], code: string): Promise<Set<string>> {
  const found = new Set<string>()
  for (const chunk of inChunks(mirrorIds)) {
    const rows = await lastRuns(db)
      .select('mirror.id')
      .where('mirror.id', 'in', chunk)
      .where('run.failures', 'like', `%"${code}"%`)
      .execute()
    for (const { id } of rows) found.add(id)
  }
  return found
}

/** Runs that no end was written for. */
export async function listRunningRuns(db: Queries): Promise<SyncRunRow[]> {
  return db.selectFrom('sync_runs').selectAll().where('outcome', '=', 'running').execute()
}

/** Ended runs beyond the newest `keep` of a mirror, and those that began before `before`; the newest `keepAlways` stay in any case. */
export async function pruneRuns(
  tx: Transaction,
  mirrorId: string,
  o: { readonly keep: number; readonly keepAlways: number; readonly before: string },
): Promise<void> {
  const newest = (limit: number) =>
    tx
      .selectFrom('sync_runs')
      .select('id')
      .where('mirror_id', '=', mirrorId)
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
  await tx
    .deleteFrom('sync_runs')
    .where('mirror_id', '=', mirrorId)
    .where('outcome', '!=', 'running')
    .where('id', 'not in', (eb) => eb.selectFrom(newest(o.keep).as('kept')).select('kept.id'))
    .execute()
  await tx
    .deleteFrom('sync_runs')
    .where('mirror_id', '=', mirrorId)
    .where('outcome', '!=', 'running')
    .where('started_at', '<', o.before)
    .where('id', 'not in', (eb) => eb.selectFrom(newest(o.keepAlways).as('kept')).select('kept.id'))
    .execute()
}
