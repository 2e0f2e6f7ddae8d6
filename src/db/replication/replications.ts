import { newId } from '../../lib/ids.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import { byBytes, pageOfChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { ReplicationRow, RestingState } from '../schema.ts'

/** A replication with the names that people know it by. */
export interface ReplicationRecord extends ReplicationRow {
  readonly organization: string
  readonly repository: RepositoryName
  /** Name of the target. */
  readonly target: string
  readonly target_url: string
  /** Null: it is shared. */
  readonly target_organization_id: string | null
}

function replicationQuery(db: Queries) {
  return db
    .selectFrom('replications as replication')
    .innerJoin('organizations as organization', 'organization.id', 'replication.organization_id')
    .innerJoin('repositories as repository', 'repository.id', 'replication.repository_id')
    .innerJoin('targets as target', 'target.id', 'replication.target_id')
    .selectAll('replication')
    .select(['organization.name as organization', 'repository.name as repository'])
    .select(['target.name as target', 'target.url as target_url'])
    .select('target.organization_id as target_organization_id')
    .$castTo<ReplicationRecord>()
}

export async function findReplication(db: Queries, id: string): Promise<ReplicationRecord | undefined> {
  return replicationQuery(db).where('replication.id', '=', id).executeTakeFirst()
}

/** The one of these three, stopped or not. */
export async function findReplicationOf(
  db: Queries,
  of: Pick<ReplicationRow, 'repository_id' | 'target_id' | 'target_repository'>,
): Promise<ReplicationRecord | undefined> {
  return replicationQuery(db)
    .where('replication.repository_id', '=', of.repository_id)
    .where('replication.target_id', '=', of.target_id)
    .where('replication.target_repository', '=', of.target_repository)
    .executeTakeFirst()
}

/** No name has a colon, and no cursor a slash. */
export function replicationCursor(record: Pick<ReplicationRecord, 'id' | 'repository'>): string {
  return formatCursor([record.repository.replaceAll('/', ':'), record.id])
}

/** By repository. `organizations` are names; undefined: all. @throws AppError INVALID_REQUEST when `after` is no cursor */
export async function listReplications(
  db: Queries,
  o: {
    readonly organizations?: readonly string[] | undefined
    readonly viewer?: Viewer | undefined
    readonly repository?: string | undefined
    readonly target?: { readonly name: string; readonly repository?: string | undefined } | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<ReplicationRecord[]> {
  let query = replicationQuery(db).orderBy('repository.name').orderBy('replication.id').limit(o.limit)
  if (o.viewer !== undefined) query = query.where(isVisibleTo(o.viewer))
  if (o.repository !== undefined) query = query.where('repository.name', '=', o.repository as RepositoryName)
  if (o.target !== undefined) query = query.where('target.name', '=', o.target.name)
  if (o.target?.repository !== undefined) query = query.where('replication.target_repository', '=', o.target.repository)
  if (o.after !== undefined) {
    const [key, id] = parseCursor(o.after)
    const name = key.replaceAll(':', '/') as RepositoryName
    query = query.where((eb) =>
      eb.or([
        eb('repository.name', '>', name),
        eb.and([eb('repository.name', '=', name), eb('replication.id', '>', id)]),
      ]),
    )
  }
  if (o.organizations === undefined) return query.execute()
  return pageOfChunks(o.organizations, (chunk) => query.where('organization.name', 'in', chunk).execute(), {
    limit: o.limit,
    keyOf: (row) => row.id,
    compare: (a, b) => byBytes(a.repository, b.repository) || byBytes(a.id, b.id),
  })
}

export async function createReplication(
  tx: Transaction,
  row: Pick<
    ReplicationRow,
    'organization_id' | 'repository_id' | 'target_id' | 'target_repository' | 'rule_id' | 'settings'
  > & { readonly at: string },
): Promise<ReplicationRow> {
  const { at, ...columns } = row
  const life = { state: 'initial', reason: null, since: at, created_at: at, next_run_at: null, full_due: 0 } as const
  const seen = { changed_since: at, looked_at: null, succeeded_at: null, drift_checked_at: null }
  return tx
    .insertInto('replications')
    .values({ id: newId(), ...columns, ...life, ...seen, privacy_checked_at: null, drifted: 0 })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** One that was stopped goes on: what it knows of the target may be of long ago. */
export async function restartReplication(
  tx: Transaction,
  id: string,
  o: { readonly settings: string; readonly ruleId: string | null; readonly at: string },
): Promise<void> {
  await tx
    .updateTable('replications')
    .set({ state: 'initial', reason: null, since: o.at, settings: o.settings, rule_id: o.ruleId, next_run_at: null })
    .set({ full_due: 1, changed_since: o.at })
    .where('id', '=', id)
    .execute()
}

/** `since` changes only with the state. One that is stopped stays stopped. */
export async function setReplicationState(
  tx: Transaction,
  id: string,
  change: {
    readonly state: RestingState
    readonly reason: string | null
    readonly nextRunAt: string | null
    readonly at: string
  },
): Promise<void> {
  await tx
    .updateTable('replications')
    .set((eb) => ({
      state: change.state,
      reason: change.reason,
      next_run_at: change.nextRunAt,
      since: eb.case().when('state', '=', change.state).then(eb.ref('since')).else(change.at).end(),
    }))
    .where('id', '=', id)
    .where('state', '!=', 'stopped')
    .execute()
}

export async function scheduleReplication(tx: Transaction, id: string, nextRunAt: string): Promise<void> {
  await tx
    .updateTable('replications')
    .set({ next_run_at: nextRunAt })
    .where('id', '=', id)
    .where('state', '!=', 'stopped')
    .execute()
}

/** As `claimDueMirror`. */
export async function claimDueReplication(
  tx: Transaction,
  id: string,
  dueAt: string,
  nextRunAt: string,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('replications')
    .set({ next_run_at: nextRunAt })
    .where('id', '=', id)
    .where('next_run_at', '=', dueAt)
    .where('state', '!=', 'stopped')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Those whose next run is due, the longest waiting first: so many of each organization and target that neither hides the others. */
export async function listDueReplications(db: Queries, now: string, limitOfEach: number): Promise<{ id: string }[]> {
  const due = db
    .selectFrom('replications')
    .select(['id', 'next_run_at'])
    .select((eb) =>
      eb.fn
        .agg<number>('row_number')
        .over((over) => over.partitionBy(['organization_id', 'target_id']).orderBy('next_run_at'))
        .as('place'),
    )
    .where('state', '!=', 'stopped')
    .where('next_run_at', '<=', now)
  return db
    .selectFrom(due.as('due'))
    .select('id')
    .where('place', '<=', limitOfEach)
    .orderBy('next_run_at')
    .orderBy('id')
    .execute()
}

export async function findNextDueReplication(db: Queries, now: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('replications')
    .select('next_run_at')
    .where('state', '!=', 'stopped')
    .where('next_run_at', '>', now)
    .orderBy('next_run_at')
    .limit(1)
    .executeTakeFirst()
  return row?.next_run_at ?? undefined
}

/** What is at the target stays. */
export async function stopReplication(tx: Transaction, id: string, at: string): Promise<void> {
  await tx
    .updateTable('replications')
    .set({ state: 'stopped', reason: null, since: at, next_run_at: null })
    .where('id', '=', id)
    .where('state', '!=', 'stopped')
    .execute()
  await tx.deleteFrom('replication_pauses').where('replication_id', '=', id).execute()
}

export async function updateReplication(
  tx: Transaction,
  id: string,
  columns: Partial<
    Pick<
      ReplicationRow,
      | 'settings'
      | 'next_run_at'
      | 'full_due'
      | 'changed_since'
      | 'looked_at'
      | 'succeeded_at'
      | 'drift_checked_at'
      | 'privacy_checked_at'
      | 'drifted'
    >
  >,
): Promise<void> {
  if (Object.keys(columns).length === 0) return
  await tx.updateTable('replications').set(columns).where('id', '=', id).execute()
}

/** Those that have no next run; nothing but a rest explains that. */
export async function listForgottenReplications(db: Queries): Promise<string[]> {
  const rows = await db
    .selectFrom('replications')
    .select('id')
    .where('state', '!=', 'stopped')
    .where('next_run_at', 'is', null)
    .execute()
  return rows.map(({ id }) => id)
}
