/** Where tags pointed over time. Rows are written by `moveTags`, and go when they are older than the retention. */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { TagHistoryRow } from '../schema.ts'

/** Where a page ended. */
export function historyCursor(row: Pick<TagHistoryRow, 'at' | 'id'>): string {
  return formatCursor([row.at, row.id])
}

/**
 * Newest first: of one tag, or of all of a repository.
 * @param o.after see historyCursor @throws AppError INVALID_REQUEST when it is none
 */
export async function listHistory(
  db: Queries,
  repositoryId: string,
  o: { readonly tag?: Tag | undefined; readonly after?: string | undefined; readonly limit: number },
): Promise<TagHistoryRow[]> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  let query = db
    .selectFrom('tag_history')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(o.limit)
  if (o.tag !== undefined) query = query.where('tag', '=', o.tag)
  if (after !== undefined) {
    query = query
      // For the index; what follows tells equal times apart.
      .where('at', '<=', after[0])
      .where((eb) => eb.or([eb('at', '<', after[0]), eb.and([eb('at', '=', after[0]), eb('id', '<', after[1])])]))
  }
  return query.execute()
}

/** A tag at one moment. */
export interface TagAt {
  /** Undefined: it pointed at nothing. */
  readonly digest: Digest | undefined
  /** When it was moved there, and when on from there; null: it still points there. */
  readonly since: string
  readonly until: string | null
}

/** Where a tag pointed at a time; `begins` is when its history does, when that is later. Undefined: it has none. */
export async function findTagAt(
  db: Queries,
  repositoryId: string,
  tag: Tag,
  at: string,
): Promise<TagAt | { readonly begins: string } | undefined> {
  const rows = db
    .selectFrom('tag_history')
    .select(['at', 'to_digest'])
    .where('repository_id', '=', repositoryId)
    .where('tag', '=', tag)
  const last = await rows.where('at', '<=', at).orderBy('at', 'desc').limit(1).executeTakeFirst()
  const next = await rows.where('at', '>', at).orderBy('at').limit(1).executeTakeFirst()
  if (last === undefined) return next === undefined ? undefined : { begins: next.at }
  return { digest: (last.to_digest ?? undefined) as Digest | undefined, since: last.at, until: next?.at ?? null }
}

/** Whether the history of the tag knows this digest. */
export async function wasTagAt(db: Queries, repositoryId: string, tag: Tag, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('tag_history')
    .select('id')
    .where('repository_id', '=', repositoryId)
    .where('tag', '=', tag)
    .where((eb) => eb.or([eb('to_digest', '=', digest), eb('from_digest', '=', digest)]))
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Removes the oldest rows that say nothing about any moment from `before` on: those that a later one replaced by then, and ends of tags
 * that were gone by then. What every tag pointed at at `before` and since stays known.
 * @returns how many, at most `limit`
 */
export async function pruneHistory(tx: Transaction, before: string, limit: number): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('tag_history')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('tag_history as old')
        .select('old.id')
        .where('old.at', '<', before)
        .where((or) =>
          or.or([
            or('old.to_digest', 'is', null),
            or.exists(
              or
                .selectFrom('tag_history as newer')
                .select('newer.id')
                .whereRef('newer.repository_id', '=', 'old.repository_id')
                .whereRef('newer.tag', '=', 'old.tag')
                .whereRef('newer.at', '>', 'old.at')
                .where('newer.at', '<=', before),
            ),
          ]),
        )
        // The end of a tag goes after all that came before it.
        .orderBy('old.at')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
