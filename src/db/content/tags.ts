import { newId } from '../../lib/ids.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { type Chunk, inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareIn, prepareQuery, prepareRows, type Value } from '../engine/prepared.ts'
import type { NewEvent } from '../platform/events.ts'
import type { TagHistoryRow, TagRow } from '../schema.ts'
import { noteLost } from './superseded.ts'

export async function findTag(db: Queries, repositoryId: string, tag: Tag): Promise<TagRow | undefined> {
  const [row] = await readTag(db, { repositoryId, tag })
  return row
}

const readTag = prepareQuery((db, value: Value<{ readonly repositoryId: string; readonly tag: string }>) =>
  db.selectFrom('tags').selectAll().where('repository_id', '=', value('repositoryId')).where('name', '=', value('tag')),
)

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

export async function countTags(db: Queries, repositoryId: string): Promise<number> {
  const { count } = await db
    .selectFrom('tags')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('repository_id', '=', repositoryId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Tags are looked through so many at a time. */
const NEWEST_PAGE = 2000

/** Of the tags that `isWanted` takes the one that moved last. */
export async function findNewestTag(
  db: Queries,
  repositoryId: string,
  isWanted: (tag: string) => boolean,
): Promise<TagRow | undefined> {
  for (let after: TagRow | undefined; ; ) {
    let query = db
      .selectFrom('tags')
      .selectAll()
      .where('repository_id', '=', repositoryId)
      .orderBy('moved_at', 'desc')
      .orderBy('name')
      .limit(NEWEST_PAGE)
    if (after !== undefined) {
      const { moved_at: at, name } = after
      query = query.where((eb) =>
        eb.or([eb('moved_at', '<', at), eb.and([eb('moved_at', '=', at), eb('name', '>', name)])]),
      )
    }
    const rows = await query.execute()
    const found = rows.find(({ name }) => isWanted(name))
    if (found !== undefined || rows.length < NEWEST_PAGE) return found
    after = rows.at(-1)
  }
}

/** Whose tags change, by whom. */
export interface TagChanges {
  /** For people, in the history. */
  readonly reason: string | ((from: Digest | undefined, to: Digest | undefined) => string)
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
  const rows = await findTagRows(db, repositoryId, tags)
  return new Map([...rows].map(([tag, row]) => [tag, row.digest as Digest]))
}

async function findTagRows(db: Queries, repositoryId: string, tags: readonly Tag[]): Promise<Map<Tag, TagRow>> {
  const rows = await readTags(db, tags, { repositoryId })
  return new Map(rows.map((row) => [row.name as Tag, row]))
}

const readTags = prepareIn((db, chunk: Chunk<Tag>, value: Value<{ readonly repositoryId: string }>) =>
  db.selectFrom('tags').selectAll().where('repository_id', '=', value('repositoryId')).where('name', 'in', chunk),
)

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
  const rows = await findTagRows(tx, repositoryId, [...moves.keys()])
  const present = new Map([...rows].map(([tag, row]) => [tag, row.digest as Digest]))
  const real = [...moves].filter(([tag, to]) => present.get(tag) !== to)
  const last = await findLastMoves(tx, repositoryId, rows, real)
  const timeOf = (tag: Tag) => laterThan(last.get(tag), at)
  const removed = real.flatMap(([tag, to]) => (to === undefined ? [tag] : []))
  const set = real.flatMap(([name, digest]) =>
    digest === undefined ? [] : [{ repository_id: repositoryId, name, digest, moved_at: timeOf(name) }],
  )
  for (const chunk of inChunks(removed)) {
    await tx.deleteFrom('tags').where('repository_id', '=', repositoryId).where('name', 'in', chunk).execute()
    await tx.deleteFrom('tag_pulls').where('repository_id', '=', repositoryId).where('tag', 'in', chunk).execute()
  }
  await setTags(tx, set)
  // Of those that are new nothing was left.
  await noteLost(
    tx,
    repositoryId,
    real.flatMap(([tag]) => present.get(tag) ?? []),
    { since: null, cause: null },
  )
  const history = real.map(([tag, to]) => ({
    id: newId(),
    organization_id: change.organizationId,
    repository_id: repositoryId,
    tag,
    from_digest: present.get(tag) ?? null,
    to_digest: to ?? null,
    at: timeOf(tag),
    actor,
    run_id: runId,
    reason: typeof change.reason === 'string' ? change.reason : change.reason(present.get(tag), to),
  }))
  await insertHistory(tx, history)
  return real.map(([tag, to]) => ({
    kind: to === undefined ? 'tag.removed' : 'tag.moved',
    organizationId: change.organizationId,
    repositoryId,
    actor,
    at,
    payload: { repository: change.repositoryName, tag, from: present.get(tag) ?? null, to: to ?? null, runId },
  }))
}

const setTags = prepareRows((db, chunk: Chunk<TagRow>) =>
  db
    .insertInto('tags')
    .values(chunk)
    .onConflict((conflict) =>
      conflict
        .columns(['repository_id', 'name'])
        .doUpdateSet((eb) => ({ digest: eb.ref('excluded.digest'), moved_at: eb.ref('excluded.moved_at') })),
    ),
)

const insertHistory = prepareRows((db, chunk: Chunk<TagHistoryRow>) => db.insertInto('tag_history').values(chunk))

/** When each of these tags last moved: by its row, or, where it is not there, by its history. */
async function findLastMoves(
  tx: Transaction,
  repositoryId: string,
  present: ReadonlyMap<Tag, TagRow>,
  moves: readonly (readonly [Tag, Digest | undefined])[],
): Promise<Map<Tag, string>> {
  const last = new Map<Tag, string>([...present].map(([tag, row]) => [tag, row.moved_at]))
  const absent = moves.flatMap(([tag]) => (present.has(tag) ? [] : [tag]))
  for (const row of await readLastMoves(tx, absent, { repositoryId })) last.set(row.tag as Tag, row.at)
  return last
}

const readLastMoves = prepareIn((db, chunk: Chunk<Tag>, value: Value<{ readonly repositoryId: string }>) =>
  db
    .selectFrom('tag_history')
    .select((eb) => ['tag', eb.fn.max('at').as('at')])
    .where('repository_id', '=', value('repositoryId'))
    .where('tag', 'in', chunk)
    .groupBy('tag'),
)

/** The history of a tag is in the order of its times, though clocks go back and two moves fall into one millisecond. */
function laterThan(last: string | undefined, at: string): string {
  return last === undefined || last < at ? at : new Date(Date.parse(last) + 1).toISOString()
}
