/** What happens to a replication beside its runs: paused and resumed, in the transaction of whatever is the cause. */
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { By } from '../mirrors/life.ts'
import type { NewEvent } from '../platform/events.ts'
import type { ReplicationPauseCause, ReplicationPauseRow } from '../schema.ts'
import { findReplication, type ReplicationRecord, scheduleReplication } from './replications.ts'

/** While it holds, no run begins; of the others a run that finds it otherwise is the end. */
function isRestCause(cause: ReplicationPauseCause): boolean {
  return cause === 'hand'
}

export async function listReplicationPauses(
  db: Queries,
  ids: readonly string[],
): Promise<Map<string, ReplicationPauseRow[]>> {
  const rows = await allOfChunks(ids, (chunk) =>
    db
      .selectFrom('replication_pauses')
      .selectAll()
      .where('replication_id', 'in', chunk)
      .orderBy('since')
      .orderBy('cause')
      .execute(),
  )
  return Map.groupBy(rows, (row) => row.replication_id)
}

/** True while no run may begin. */
export async function isReplicationResting(db: Queries, id: string): Promise<boolean> {
  const pauses = (await listReplicationPauses(db, [id])).get(id) ?? []
  return pauses.some(({ cause }) => isRestCause(cause))
}

/** @returns the event, for the end of the transaction, when it was not paused before, or becomes public */
export async function pauseReplication(
  tx: Transaction,
  id: string,
  pause: By & { readonly cause: ReplicationPauseCause; readonly detail?: string | null },
): Promise<NewEvent | undefined> {
  const replication = await findReplication(tx, id)
  if (replication === undefined || replication.state === 'stopped') return undefined
  const { cause, detail = null, at } = pause
  const before = (await listReplicationPauses(tx, [id])).get(id) ?? []
  await tx
    .insertInto('replication_pauses')
    .values({ replication_id: id, cause, detail, since: at })
    .onConflict((conflict) => conflict.columns(['replication_id', 'cause']).doUpdateSet({ detail }))
    .execute()
  if (isRestCause(cause)) await tx.updateTable('replications').set({ next_run_at: null }).where('id', '=', id).execute()
  const isNews = cause === 'public' && !before.some((one) => one.cause === 'public')
  return before.length > 0 && !isNews
    ? undefined
    : replicationEvent('replication.paused', replication, pause, { cause, detail })
}

/** @returns the event, for the end of the transaction, when nothing pauses it any more */
export async function endReplicationPause(
  tx: Transaction,
  id: string,
  end: By & { readonly causes: readonly ReplicationPauseCause[]; readonly isDue?: boolean },
): Promise<NewEvent | undefined> {
  let ended = 0n
  for (const cause of end.causes) {
    const { numDeletedRows } = await tx
      .deleteFrom('replication_pauses')
      .where('replication_id', '=', id)
      .where('cause', '=', cause)
      .executeTakeFirst()
    ended += numDeletedRows
  }
  const replication = await findReplication(tx, id)
  if (ended === 0n || replication === undefined || replication.state === 'stopped') return undefined
  const left = (await listReplicationPauses(tx, [id])).get(id) ?? []
  if (end.isDue !== false && !left.some(({ cause }) => isRestCause(cause))) await scheduleReplication(tx, id, end.at)
  return left.length > 0 ? undefined : replicationEvent('replication.resumed', replication, end, { causes: end.causes })
}

export function replicationEvent(
  kind: NewEvent['kind'],
  replication: ReplicationRecord,
  { actor, at }: By,
  payload: Readonly<Record<string, unknown>> = {},
): NewEvent {
  const { organization_id: organizationId, repository_id: repositoryId, repository } = replication
  const target = `${replication.target}/${replication.target_repository}`
  return {
    ...{ kind, organizationId, repositoryId, actor, at },
    payload: { repository, replicationId: replication.id, target, ...payload },
  }
}

/** Those of a repository, a target or an organization that are not stopped: whom a change concerns. */
export async function listReplicationIds(
  db: Queries,
  of: { readonly repositoryId: string } | { readonly targetId: string } | { readonly organizationId: string },
): Promise<string[]> {
  let query = db.selectFrom('replications').select('id').where('state', '!=', 'stopped')
  if ('repositoryId' in of) query = query.where('repository_id', '=', of.repositoryId)
  else if ('targetId' in of) query = query.where('target_id', '=', of.targetId)
  else query = query.where('organization_id', '=', of.organizationId)
  return (await query.execute()).map((row) => row.id)
}
