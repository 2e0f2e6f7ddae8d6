/** What moved in an organization: the history of its tags, newest first, as far as the viewer sees it. */
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { TagHistoryRow } from '../schema.ts'

export type Move = TagHistoryRow & { readonly repository: string }

/** Rows that one look goes through: whoever sees little of an organization gets short pages, and costs no more than others. */
const MAX_LOOKED_AT = 5000

export interface MovesPage {
  readonly items: readonly Move[]
  /** Where the look ended; undefined: there is no more. */
  readonly next: string | undefined
}

/** @param o.after a `next` of before @throws AppError INVALID_REQUEST when it is none */
export async function listMoves(
  db: Queries,
  organizationId: string,
  viewer: Viewer,
  o: { readonly since: string; readonly after?: string | undefined; readonly limit: number },
): Promise<MovesPage> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  let looked = db
    .selectFrom('tag_history')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('at', '>=', o.since)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(MAX_LOOKED_AT)
  if (after !== undefined) {
    looked = looked
      // For the index; what follows tells equal times apart.
      .where('at', '<=', after[0])
      .where((eb) => eb.or([eb('at', '<', after[0]), eb.and([eb('at', '=', after[0]), eb('id', '<', after[1])])]))
  }
  const items = await db
    .selectFrom(looked.as('move'))
    .innerJoin('repositories as repository', 'repository.id', 'move.repository_id')
    .selectAll('move')
    .select('repository.name as repository')
    .where(isVisibleTo(viewer) as never)
    .orderBy('move.at', 'desc')
    .orderBy('move.id', 'desc')
    .limit(o.limit + 1)
    .execute()
  const shown = items.slice(0, o.limit)
  const last = shown.at(-1)
  if (items.length > o.limit && last !== undefined) return { items: shown, next: formatCursor([last.at, last.id]) }
  // As many as one look takes may all have been somebody else's to see.
  const end = await looked
    .clearSelect()
    .select(['at', 'id'])
    .offset(MAX_LOOKED_AT - 1)
    .limit(1)
    .executeTakeFirst()
  return { items: shown, next: end === undefined ? undefined : formatCursor([end.at, end.id]) }
}

/** What moved in one repository. */
export interface MovedRepository {
  readonly repository: string
  /** Moves, of as many tags or fewer. */
  readonly moves: number
  /** The tags that moved last, newest first. */
  readonly tags: readonly string[]
  readonly lastAt: string
}

const SHOWN_TAGS = 5

/**
 * Of the newest MAX_LOOKED_AT moves, by repository; the one in which something moved last comes first.
 * @returns isWhole: there were no more
 */
export async function summarizeMoves(
  db: Queries,
  organizationId: string,
  viewer: Viewer,
  since: string,
): Promise<{ readonly repositories: readonly MovedRepository[]; readonly isWhole: boolean }> {
  const looked = db
    .selectFrom('tag_history')
    .select(['id', 'repository_id', 'tag', 'at'])
    .where('organization_id', '=', organizationId)
    .where('at', '>=', since)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(MAX_LOOKED_AT)
  const rows = await db
    .selectFrom(looked.as('move'))
    .innerJoin('repositories as repository', 'repository.id', 'move.repository_id')
    .select(['repository.name as repository', 'move.tag as tag', 'move.at as at'])
    .where(isVisibleTo(viewer) as never)
    .orderBy('move.at', 'desc')
    .orderBy('move.id', 'desc')
    .execute()
  const found = new Map<string, { moves: number; tags: Set<string>; lastAt: string }>()
  for (const { repository, tag, at } of rows) {
    const known = found.get(repository)
    if (known === undefined) found.set(repository, { moves: 1, tags: new Set([tag]), lastAt: at })
    else {
      known.moves++
      if (known.tags.size < SHOWN_TAGS) known.tags.add(tag)
    }
  }
  const last = await looked.clearSelect().select('id').offset(MAX_LOOKED_AT).limit(1).executeTakeFirst()
  return {
    repositories: [...found].map(([repository, { tags, ...rest }]) => ({ repository, ...rest, tags: [...tags] })),
    isWhole: last === undefined,
  }
}
