import { newId } from '../../lib/ids.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { NewEvent } from '../platform/events.ts'
import type { TagRow } from '../schema.ts'

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

/** Whose tags change, by whom. */
export interface TagChanges {
  readonly organizationId: string
  readonly repositoryId: string
  readonly repositoryName: string
  readonly actor: string
  readonly runId?: string
  readonly at: string
}

/** One tag's change. `to` undefined removes it. */
export interface TagChange extends TagChanges {
  readonly tag: Tag
  readonly to: Digest | undefined
}

/** Where each of `tags` points now; those that are not there are left out. */
export async function findTags(db: Queries, repositoryId: string, tags: readonly Tag[]): Promise<Map<Tag, Digest>> {
  const found = new Map<Tag, Digest>()
  for (const chunk of inChunks(tags)) {
    const rows = await db
      .selectFrom('tags')
      .select(['name', 'digest'])
      .where('repository_id', '=', repositoryId)
      .where('name', 'in', chunk)
      .execute()
    for (const row of rows) found.set(row.name as Tag, row.digest as Digest)
  }
  return found
}

/** As `moveTags`, for one. */
export async function moveTag(tx: Transaction, { tag, to, ...change }: TagChange): Promise<NewEvent | undefined> {
  const [event] = await moveTags(tx, change, new Map([[tag, to]]))
  return event
}

/**
 * Moves (or, with undefined, removes) tags and writes their history: a few statements for hundreds of tags, since one digest may
 * have 100,000. Nothing happens to those that point there already.
 * The returned events belong into the same transaction: collect them and `appendEvents` last, because on PostgreSQL the
 * log's lock is held from there to the commit.
 */
export async function moveTags(
  tx: Transaction,
  change: TagChanges,
  moves: ReadonlyMap<Tag, Digest | undefined>,
): Promise<NewEvent[]> {
  const { repositoryId, at, actor } = change
  const runId = change.runId ?? null
  const present = await findTags(tx, repositoryId, [...moves.keys()])
  const real = [...moves].filter(([tag, to]) => present.get(tag) !== to)
  const removed = real.flatMap(([tag, to]) => (to === undefined ? [tag] : []))
  const set = real.flatMap(([name, digest]) =>
    digest === undefined ? [] : [{ repository_id: repositoryId, name, digest, moved_at: at }],
  )
  for (const chunk of inChunks(removed)) {
    await tx.deleteFrom('tags').where('repository_id', '=', repositoryId).where('name', 'in', chunk).execute()
  }
  for (const chunk of rowChunks(set)) {
    await tx
      .insertInto('tags')
      .values(chunk)
      .onConflict((conflict) =>
        conflict
          .columns(['repository_id', 'name'])
          .doUpdateSet((eb) => ({ digest: eb.ref('excluded.digest'), moved_at: eb.ref('excluded.moved_at') })),
      )
      .execute()
  }
  const history = real.map(([tag, to]) => ({
    id: newId(),
    repository_id: repositoryId,
    tag,
    from_digest: present.get(tag) ?? null,
    to_digest: to ?? null,
    at,
    actor,
    run_id: runId,
  }))
  for (const chunk of rowChunks(history)) await tx.insertInto('tag_history').values(chunk).execute()
  return real.map(([tag, to]) => ({
    kind: to === undefined ? 'tag.removed' : 'tag.moved',
    organizationId: change.organizationId,
    repositoryId,
    actor,
    at,
    payload: { repository: change.repositoryName, tag, from: present.get(tag) ?? null, to: to ?? null, runId },
  }))
}
