/**
 * The runs of what keeps two repositories in step: of mirrors, and, the other way, of replications. Their tables have the same columns but for
 * whose runs they are.
 */
import { inChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { RunOutcome, RunRow, SyncRunRow } from '../schema.ts'
import { countRun } from './run-counters.ts'

/** Names of tables, and of the column that says whose a row is. */
export interface RunTables {
  readonly runs: 'sync_runs' | 'replication_runs'
  readonly items: 'sync_run_items' | 'replication_run_items'
  readonly counters: 'mirror_counters' | 'replication_counters'
  readonly subjects: 'mirrors' | 'replications'
  readonly owner: 'mirror_id' | 'replication_id'
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

/** Queries on the runs of one kind. */
export function createRunTable<Row extends RunRow>(tables: RunTables) {
  // Typed as those of mirrors: what differs is the name of one column.
  const runs = tables.runs as 'sync_runs'
  const owner = tables.owner as 'mirror_id'
  const runAs = `${runs} as run` as const
  const lastAs = `${runs} as last` as const
  const lastOwner = `last.${owner}` as const
  const asRow = (row: SyncRunRow) => row as RunRow as Row
  const asRows = (rows: readonly SyncRunRow[]) => rows.map(asRow)
  const subjectAs = `${tables.subjects as 'mirrors'} as subject` as const

  /** @param ownerId whose run it is */
  async function insertRun(tx: Transaction, run: Row | RunRow, ownerId?: string): Promise<void> {
    const of = ownerId === undefined ? {} : { [owner]: ownerId }
    const row = { ...run, ...of } as RunRow as SyncRunRow
    await tx.insertInto(runs).values(row).execute()
  }

  async function findRun(db: Queries, id: string): Promise<Row | undefined> {
    const row = await db.selectFrom(runs).selectAll().where('id', '=', id).executeTakeFirst()
    return row && asRow(row)
  }

  /**
   * The run has its lease. Whatever ran under an earlier generation is over, though it could not write that down
   * (a full disk, a lost database): it has failed.
   */
  async function setRunGeneration(
    tx: Transaction,
    run: { readonly id: string; readonly ownerId: string },
    generation: number,
    o: { readonly at: string; readonly failuresOfEarlier: string },
  ): Promise<void> {
    await tx.updateTable(runs).set({ generation, began_at: o.at }).where('id', '=', run.id).execute()
    const unsaid = await tx
      .selectFrom(runs)
      .select('id')
      .where(owner, '=', run.ownerId)
      .where('outcome', '=', 'running')
      .where('generation', '>', 0)
      .where('generation', '<', generation)
      .execute()
    for (const { id } of unsaid) await endRun(tx, id, { outcome: 'failed', at: o.at, failures: o.failuresOfEarlier })
  }

  /** How far it is, as JSON of the API's Progress, for other servers; nothing once it has ended. */
  async function setRunProgress(tx: Transaction, id: string, progress: string): Promise<void> {
    await tx.updateTable(runs).set({ progress }).where('id', '=', id).where('outcome', '=', 'running').execute()
  }

  /** What it set out to do, as JSON: known also when it is killed on the way. */
  async function setRunPlan(tx: Transaction, id: string, plan: string): Promise<void> {
    await tx.updateTable(runs).set({ plan }).where('id', '=', id).execute()
  }

  /** The tags that it is limited to, as JSON; they may grow until it begins. */
  async function setRunTags(tx: Transaction, id: string, tags: string | null): Promise<void> {
    await tx.updateTable(runs).set({ tags }).where('id', '=', id).execute()
  }

  /** Ends a run and counts it; nothing happens to one that has ended. @returns whether it was running */
  async function endRun(
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
      .updateTable(runs)
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
      .returning([owner, 'counts', 'failures', 'generation', 'started_at', 'began_at', 'ended_at'])
      .executeTakeFirst()
    if (ended === undefined) return false
    await countRun(tx, tables, ended[owner], {
      outcome: end.outcome,
      counts: JSON.parse(ended.counts),
      failures: JSON.parse(ended.failures),
      times: timesOf(ended),
    })
    return true
  }

  /** Newest first. @param o.after see runCursor @throws AppError INVALID_REQUEST when it is none */
  async function listRuns(
    db: Queries,
    ownerId: string,
    o: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<Row[]> {
    const after = o.after === undefined ? undefined : parseCursor(o.after)
    let query = db
      .selectFrom(runs)
      .selectAll()
      .where(owner, '=', ownerId)
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(o.limit)
    if (after !== undefined) {
      query = query.where((eb) =>
        eb.or([eb('started_at', '<', after[0]), eb.and([eb('started_at', '=', after[0]), eb('id', '<', after[1])])]),
      )
    }
    return asRows(await query.execute())
  }

  /** How the newest runs stand, newest first, without what they have found: that may be megabytes. */
  async function listRunStandings(
    db: Queries,
    ownerId: string,
    limit: number,
  ): Promise<Pick<SyncRunRow, 'id' | 'holder' | 'outcome' | 'progress' | 'ended_at'>[]> {
    return db
      .selectFrom(runs)
      .select(['id', 'holder', 'outcome', 'progress', 'ended_at'])
      .where(owner, '=', ownerId)
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
  }

  /** The newest run of each of them. */
  async function listLastRuns(db: Queries, ownerIds: readonly string[]): Promise<Map<string, Row>> {
    const last = new Map<string, Row>()
    for (const chunk of inChunks(ownerIds)) {
      const rows = await lastRuns(db).selectAll('run').where('subject.id', 'in', chunk).execute()
      for (const run of rows) last.set(run[owner], asRow(run))
    }
    return last
  }

  /** Each `subject` with its last `run`: one query for however many. */
  function lastRuns(db: Queries) {
    return db
      .selectFrom(subjectAs)
      .innerJoin(runAs, (join) =>
        join.on('run.id', '=', (eb) =>
          eb
            .selectFrom(lastAs)
            .select('last.id')
            .whereRef(lastOwner, '=', 'subject.id')
            .orderBy('last.started_at', 'desc')
            .orderBy('last.id', 'desc')
            .limit(1),
        ),
      )
  }

  /** Those whose last run has noted a failure of this code. */
  async function listFailedBy(db: Queries, ownerIds: readonly string[], code: string): Promise<Set<string>> {
    const found = new Set<string>()
    for (const chunk of inChunks(ownerIds)) {
      const rows = await lastRuns(db)
        .select('subject.id')
        .where('subject.id', 'in', chunk)
        .where('run.failures', 'like', `%"${code}"%`)
        .execute()
      for (const { id } of rows) found.add(id)
    }
    return found
  }

  /** Runs that no end was written for. */
  async function listRunningRuns(db: Queries): Promise<Row[]> {
    return asRows(await db.selectFrom(runs).selectAll().where('outcome', '=', 'running').execute())
  }

  /** Ended runs beyond the newest `keep` of a mirror, and those that began before `before`; the newest `keepAlways` stay in any case. */
  async function pruneRuns(
    tx: Transaction,
    ownerId: string,
    o: { readonly keep: number; readonly keepAlways: number; readonly before: string },
  ): Promise<void> {
    const newest = (limit: number) =>
      tx
        .selectFrom(runs)
        .select('id')
        .where(owner, '=', ownerId)
        .orderBy('started_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
    await tx
      .deleteFrom(runs)
      .where(owner, '=', ownerId)
      .where('outcome', '!=', 'running')
      .where('id', 'not in', (eb) => eb.selectFrom(newest(o.keep).as('kept')).select('kept.id'))
      .execute()
    await tx
      .deleteFrom(runs)
      .where(owner, '=', ownerId)
      .where('outcome', '!=', 'running')
      .where('started_at', '<', o.before)
      .where('id', 'not in', (eb) => eb.selectFrom(newest(o.keepAlways).as('kept')).select('kept.id'))
      .execute()
  }

  return {
    insertRun,
    findRun,
    setRunGeneration,
    setRunProgress,
    setRunPlan,
    setRunTags,
    endRun,
    listRuns,
    listRunStandings,
    listLastRuns,
    listFailedBy,
    listRunningRuns,
    pruneRuns,
  }
}
