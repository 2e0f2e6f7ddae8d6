/** What replications know of each tag: where it points here, where the target has it, where we last put it. */

import { allOfChunks, byBytes, inChunks, rowChunks } from '../engine/chunks.ts'
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

export type TagStanding = Readonly<{ tag: string; row: ReplicationTagRow | undefined; local: string | undefined }>

/** These tags, as the last pass saw them and as they are here. */
export async function listTagStandings(
  db: Queries,
  of: { readonly id: string; readonly repository_id: string },
  tags: readonly string[],
): Promise<TagStanding[]> {
  const rows = await allOfChunks(tags, (chunk) =>
    db
      .selectFrom('replication_tags')
      .selectAll()
      .where('replication_id', '=', of.id)
      .where('tag', 'in', chunk)
      .execute(),
  )
  const here = await allOfChunks(tags, (chunk) =>
    db
      .selectFrom('tags')
      .select(['name', 'digest'])
      .where('repository_id', '=', of.repository_id)
      .where('name', 'in', chunk)
      .execute(),
  )
  const byTag = new Map(rows.map((row) => [row.tag, row]))
  const local = new Map(here.map(({ name, digest }) => [name as string, digest as string]))
  return tags.map((tag) => ({ tag, row: byTag.get(tag), local: local.get(tag) }))
}

/** Names of tags that are not simply in step: seen otherwise, moved or gone here since, or not seen yet. By name. */
export async function listOddTags(
  db: Queries,
  of: { readonly id: string; readonly repository_id: string },
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<string[]> {
  const seen = await db
    .selectFrom('replication_tags as seen')
    .leftJoin('tags as here', (join) =>
      join.onRef('here.name', '=', 'seen.tag').on('here.repository_id', '=', of.repository_id),
    )
    .select('seen.tag')
    .where('seen.replication_id', '=', of.id)
    .where('seen.tag', '>', o.after ?? '')
    .where((eb) =>
      eb.or([
        eb('seen.state', '!=', 'synced'),
        eb('here.digest', 'is', null),
        eb('seen.local_digest', 'is', null),
        eb('seen.local_digest', '!=', eb.ref('here.digest')),
      ]),
    )
    .orderBy('seen.tag')
    .limit(o.limit)
    .execute()
  const fresh = await db
    .selectFrom('tags as here')
    .leftJoin('replication_tags as seen', (join) =>
      join.onRef('seen.tag', '=', 'here.name').on('seen.replication_id', '=', of.id),
    )
    .select('here.name as tag')
    .where('here.repository_id', '=', of.repository_id)
    .where('here.name', '>', o.after ?? '')
    .where('seen.tag', 'is', null)
    .orderBy('here.name')
    .limit(o.limit)
    .execute()
  return [...seen, ...fresh]
    .map(({ tag }) => tag as string)
    .sort(byBytes)
    .slice(0, o.limit)
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
