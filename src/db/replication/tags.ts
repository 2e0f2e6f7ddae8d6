/** What replications know of each tag: where it points here, where the target has it, where we last put it. */

import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { ReplicationTagRow } from '../schema.ts'

export async function listReplicationTags(db: Queries, replicationId: string): Promise<ReplicationTagRow[]> {
  return db
    .selectFrom('replication_tags')
    .selectAll()
    .where('replication_id', '=', replicationId)
    .orderBy('tag')
    .execute()
}

export async function recordReplicationTags(tx: Transaction, rows: readonly ReplicationTagRow[]): Promise<void> {
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('replication_tags')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['replication_id', 'tag']).doUpdateSet((eb) => ({
          local_digest: eb.ref('excluded.local_digest'),
          target_digest: eb.ref('excluded.target_digest'),
          synced_digest: eb.ref('excluded.synced_digest'),
          content: eb.ref('excluded.content'),
          state: eb.ref('excluded.state'),
          reason: eb.ref('excluded.reason'),
          checked_at: eb.ref('excluded.checked_at'),
        })),
      )
      .execute()
  }
}

export async function forgetReplicationTags(
  tx: Transaction,
  replicationId: string,
  tags: readonly string[],
): Promise<void> {
  for (const chunk of inChunks(tags)) {
    await tx
      .deleteFrom('replication_tags')
      .where('replication_id', '=', replicationId)
      .where('tag', 'in', chunk)
      .execute()
  }
}

export type ReplicationTagCounts = Readonly<Partial<Record<ReplicationTagRow['state'], number>>>

export async function countReplicationTags(
  db: Queries,
  ids: readonly string[],
): Promise<Map<string, ReplicationTagCounts>> {
  const counts = new Map<string, ReplicationTagCounts>()
  for (const chunk of inChunks(ids)) {
    const rows = await db
      .selectFrom('replication_tags')
      .select((eb) => ['replication_id', 'state', eb.fn.countAll<number>().as('tags')])
      .where('replication_id', 'in', chunk)
      .groupBy(['replication_id', 'state'])
      .execute()
    for (const { replication_id: id, state, tags } of rows) {
      counts.set(id, { ...counts.get(id), [state]: Number(tags) })
    }
  }
  return counts
}

export async function listReplicationTagsIn(
  db: Queries,
  replicationId: string,
  states: readonly ReplicationTagRow['state'][],
  limit: number,
): Promise<Pick<ReplicationTagRow, 'tag' | 'state' | 'reason'>[]> {
  const found: Pick<ReplicationTagRow, 'tag' | 'state' | 'reason'>[] = []
  for (const state of states) {
    const rows = await db
      .selectFrom('replication_tags')
      .select(['tag', 'state', 'reason'])
      .where('replication_id', '=', replicationId)
      .where('state', '=', state)
      .orderBy('tag')
      .limit(limit)
      .execute()
    found.push(...rows)
  }
  return found.slice(0, limit)
}
