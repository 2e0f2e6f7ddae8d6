/** What upstreams have, as it was read last. */
import { sql } from 'kysely'
import type { RepositoryName } from '../../oci/reference.ts'
import { findUpstreamOwner, measureTexts } from '../content/definition-texts.ts'
import { addUsage } from '../content/usage.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { escapeLike } from '../engine/like.ts'
import type { CatalogEntryRow, CatalogTextRow } from '../schema.ts'

export type ListedEntry = Pick<CatalogEntryRow, 'repository' | 'summary' | 'logo' | 'facts'>

const LISTED = ['repository', 'summary', 'logo', 'facts'] as const

/** What is kept as JSON begins with the title and the description, in the order of `catalog/summary.ts`; so long that has the title in it. */
const BEGINNING = 200

/**
 * One page, by name.
 * @param o.like in lower case: those alone that may have it in their names (after `o.like.before`) or titles; a few have not
 */
export async function listCatalogEntries(
  db: Queries,
  upstreamId: string,
  o: {
    readonly after?: string | undefined
    readonly limit: number
    readonly like?: { readonly before: string; readonly part: string } | undefined
  },
): Promise<ListedEntry[]> {
  let query = db.selectFrom('catalog_entries').select(LISTED).where('upstream_id', '=', upstreamId)
  if (o.like !== undefined) {
    const { before, part } = o.like
    const name = `%${escapeLike(part)}%`
    // What is no ASCII has no lower case in every engine, and quotes are written otherwise in JSON.
    const written = escapeLike(JSON.stringify(part).slice(1, -1)).replace(/\P{ASCII}/gu, '_')
    const title = `{"title":"%${written}%","description":%`
    query = query.where(
      sql<boolean>`(cast(${`${before}/`} as text) || repository like ${name} escape '\\'
        or lower(substr(summary, 1, ${sql.lit(BEGINNING)})) like ${title} escape '\\'
        or lower(substr(facts, 1, ${sql.lit(BEGINNING)})) like ${title} escape '\\')`,
    )
  }
  if (o.after !== undefined) query = query.where('repository', '>', o.after)
  return query.orderBy('repository').limit(o.limit).execute()
}

export async function findCatalogEntry(
  db: Queries,
  upstreamId: string,
  repository: string,
): Promise<(ListedEntry & { readonly detail: string | null }) | undefined> {
  return db
    .selectFrom('catalog_entries as entry')
    .leftJoin('catalog_texts as text', (join) =>
      join.onRef('text.upstream_id', '=', 'entry.upstream_id').onRef('text.repository', '=', 'entry.repository'),
    )
    .select(['entry.repository', 'entry.summary', 'entry.logo', 'entry.facts', 'text.detail'])
    .where('entry.upstream_id', '=', upstreamId)
    .where('entry.repository', '=', repository)
    .executeTakeFirst()
}

export async function findCatalogLogo(
  db: Queries,
  upstreamId: string,
  repository: string,
): Promise<Uint8Array | undefined> {
  const row = await db
    .selectFrom('catalog_texts')
    .select('logo')
    .where('upstream_id', '=', upstreamId)
    .where('repository', '=', repository)
    .executeTakeFirst()
  return row?.logo ?? undefined
}

/** Every name, with what its definitions were. */
export async function listKnownEntries(
  db: Queries,
  upstreamId: string,
): Promise<Pick<CatalogEntryRow, 'repository' | 'summary_digest'>[]> {
  return db
    .selectFrom('catalog_entries')
    .select(['repository', 'summary_digest'])
    .where('upstream_id', '=', upstreamId)
    .execute()
}

export async function addCatalogEntries(tx: Transaction, upstreamId: string, names: readonly string[]): Promise<void> {
  const rows = names.map((repository) => ({ upstream_id: upstreamId, repository }))
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('catalog_entries')
      .values(chunk)
      .onConflict((conflict) => conflict.columns(['upstream_id', 'repository']).doNothing())
      .execute()
  }
}

/** Within `countingTexts`. */
export async function removeCatalogEntries(
  tx: Transaction,
  upstreamId: string,
  names: readonly string[],
): Promise<void> {
  for (const chunk of inChunks(names)) {
    await tx
      .deleteFrom('catalog_entries')
      .where('upstream_id', '=', upstreamId)
      .where('repository', 'in', chunk)
      .execute()
  }
}

/**
 * Changes what definitions say of entries, or removes them, and counts what that adds to what their organization stores.
 * @returns bytes more than before; of a shared upstream 0, as they are nobody's
 */
export async function countingTexts(
  tx: Transaction,
  upstreamId: string,
  repositories: readonly string[],
  change: () => Promise<void>,
): Promise<number> {
  const owner = await findUpstreamOwner(tx, upstreamId)
  if (owner === undefined) {
    await change()
    return 0
  }
  const before = await measureTexts(tx, upstreamId, repositories)
  await change()
  const added = (await measureTexts(tx, upstreamId, repositories)) - before
  if (added !== 0) await addUsage(tx, owner, added)
  return added
}

/** What the definitions say of an entry from now on, within `countingTexts`; null: they say nothing any more. */
export async function describeCatalogEntry(
  tx: Transaction,
  upstreamId: string,
  repository: string,
  said:
    | (Pick<CatalogEntryRow, 'summary' | 'summary_digest' | 'logo'> & {
        readonly text: Pick<CatalogTextRow, 'detail' | 'logo'>
      })
    | null,
): Promise<void> {
  const { text, ...columns } = said ?? { summary: null, summary_digest: null, logo: null, text: null }
  const { numUpdatedRows } = await tx
    .updateTable('catalog_entries')
    .set(columns)
    .where('upstream_id', '=', upstreamId)
    .where('repository', '=', repository)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return
  await tx
    .deleteFrom('catalog_texts')
    .where('upstream_id', '=', upstreamId)
    .where('repository', '=', repository)
    .execute()
  if (text !== null) {
    await tx
      .insertInto('catalog_texts')
      .values({ upstream_id: upstreamId, repository, ...text })
      .execute()
  }
}

type FactsRow = Pick<CatalogEntryRow, 'facts_digest'> & { repository: RepositoryName }

/** Entries of which no image was read since `before`: those that nothing was read of first, and of them those without definitions. */
export async function listFactsDue(
  db: Queries,
  upstreamId: string,
  o: { readonly before: string; readonly limit: number },
): Promise<FactsRow[]> {
  const due = db
    .selectFrom('catalog_entries')
    .select(['repository', 'facts_digest'])
    .where('upstream_id', '=', upstreamId)
    .limit(o.limit)
    .$castTo<FactsRow>()
  const unread = await due
    .where('facts_at', 'is', null)
    .orderBy((eb) => eb.case().when('summary_digest', 'is', null).then(0).else(1).end())
    .orderBy('repository')
    .execute()
  if (unread.length >= o.limit) return unread
  const old = await due.where('facts_at', '<', o.before).orderBy('facts_at').execute()
  return [...unread, ...old].slice(0, o.limit)
}

export async function setFacts(
  tx: Transaction,
  upstreamId: string,
  repository: string,
  facts: Partial<Pick<CatalogEntryRow, 'facts' | 'facts_digest'>> & Pick<CatalogEntryRow, 'facts_at'>,
): Promise<void> {
  await tx
    .updateTable('catalog_entries')
    .set(facts)
    .where('upstream_id', '=', upstreamId)
    .where('repository', '=', repository)
    .execute()
}

/** Which of the tags a repository has. */
export async function listTagsAmong(db: Queries, repository: string, tags: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  for (const chunk of inChunks(tags)) {
    const rows = await db
      .selectFrom('tags')
      .innerJoin('repositories as repository', 'repository.id', 'tags.repository_id')
      .select('tags.name')
      .where('repository.name', '=', repository as RepositoryName)
      .where('tags.name', 'in', chunk as never)
      .execute()
    for (const { name } of rows) found.add(name)
  }
  return found
}
