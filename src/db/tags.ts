import { newId } from '../lib/ids.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Queries, Transaction } from './engine.ts'
import type { NewEvent } from './events.ts'
import type { TagRow } from './schema.ts'

export async function findTag(db: Queries, repositoryId: string, tag: Tag): Promise<TagRow | undefined> {
  return db
    .selectFrom('tags')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where('name', '=', tag)
    .executeTakeFirst()
}

/** Tags in ASCII order, after the given one. */
export async function listTags(
  db: Queries,
  repositoryId: string,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<TagRow[]> {
  let query = db.selectFrom('tags').selectAll().where('repository_id', '=', repositoryId).orderBy('name').limit(o.limit)
  if (o.after !== undefined) query = query.where('name', '>', o.after)
  return query.execute()
}

export async function listTagsOf(db: Queries, repositoryId: string, digest: Digest): Promise<Tag[]> {
  const rows = await db
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .orderBy('name')
    .execute()
  return rows.map((row) => row.name as Tag)
}

/** One tag's change. `to` undefined removes it. */
export interface TagChange {
  readonly organizationId: string
  readonly repositoryId: string
  readonly repositoryName: string
  readonly tag: Tag
  readonly to: Digest | undefined
  readonly actor: string
  readonly runId?: string
  readonly at: string
}

/**
 * Moves (or removes) a tag and writes its history. Nothing happens when it points there already.
 * The returned event belongs into the same transaction: collect them and `appendEvents` last, because on PostgreSQL the
 * log's lock is held from there to the commit.
 */
export async function moveTag(tx: Transaction, change: TagChange): Promise<NewEvent | undefined> {
  const present = await findTag(tx, change.repositoryId, change.tag)
  const from = present?.digest ?? null
  const to = change.to ?? null
  if (from === to) return undefined
  if (change.to === undefined) {
    await tx
      .deleteFrom('tags')
      .where('repository_id', '=', change.repositoryId)
      .where('name', '=', change.tag)
      .execute()
  } else {
    await tx
      .insertInto('tags')
      .values({ repository_id: change.repositoryId, name: change.tag, digest: change.to, moved_at: change.at })
      .onConflict((conflict) =>
        conflict.columns(['repository_id', 'name']).doUpdateSet({ digest: change.to as string, moved_at: change.at }),
      )
      .execute()
  }
  await tx
    .insertInto('tag_history')
    .values({
      id: newId(),
      repository_id: change.repositoryId,
      tag: change.tag,
      from_digest: from,
      to_digest: to,
      at: change.at,
      actor: change.actor,
      run_id: change.runId ?? null,
    })
    .execute()
  return {
    kind: to === null ? 'tag.removed' : 'tag.moved',
    organizationId: change.organizationId,
    repositoryId: change.repositoryId,
    actor: change.actor,
    at: change.at,
    payload: { repository: change.repositoryName, tag: change.tag, from, to, runId: change.runId ?? null },
  }
}
