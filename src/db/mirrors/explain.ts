/** What is known of single tags of a mirror: what its passes saw, what is here, and what people decided. */
import { sql } from 'kysely'
import type { Tag } from '../../oci/reference.ts'
import { byBytes, inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import type { MirrorTagExclusionRow, MirrorTagRow, TagPinRow } from '../schema.ts'

export interface TagFacts {
  readonly tag: Tag
  /** Where it points here. */
  readonly local: string | undefined
  /** As the last pass saw it. */
  readonly seen: MirrorTagRow | undefined
  readonly exclusion: MirrorTagExclusionRow | undefined
  readonly pin: TagPinRow | undefined
  /** What is here came with a run of the mirror, though none of its passes knows the tag: it mirrored another source then. */
  readonly isOfBefore?: boolean
}

interface OfMirror {
  readonly id: string
  readonly repository_id: string
}

export async function readTagFacts(db: Queries, mirror: OfMirror, tags: readonly Tag[]): Promise<TagFacts[]> {
  const facts: TagFacts[] = []
  for (const chunk of inChunks(tags)) {
    const ofMirror = <T extends 'mirror_tags' | 'mirror_tag_exclusions' | 'tag_pins'>(table: T) =>
      db
        .selectFrom(table as 'mirror_tags')
        .selectAll()
        .where('mirror_id', '=', mirror.id)
        .where('tag', 'in', chunk)
    const seen = new Map((await ofMirror('mirror_tags').execute()).map((row) => [row.tag, row]))
    const excluded = await ofMirror('mirror_tag_exclusions').$castTo<MirrorTagExclusionRow>().execute()
    const pinned = await ofMirror('tag_pins').$castTo<TagPinRow>().execute()
    const here = await db
      .selectFrom('tags')
      .select(['name', 'digest'])
      .where('repository_id', '=', mirror.repository_id)
      .where('name', 'in', chunk)
      .execute()
    const locals = new Map(here.map((row) => [row.name, row.digest]))
    const exclusions = new Map(excluded.map((row) => [row.tag, row]))
    const pins = new Map(pinned.map((row) => [row.tag, row]))
    for (const tag of chunk) {
      const isUnseen = locals.has(tag) && !seen.has(tag)
      facts.push({
        tag,
        isOfBefore: isUnseen && (await isMovedByRun(db, mirror.repository_id, tag)),
        local: locals.get(tag),
        seen: seen.get(tag),
        exclusion: exclusions.get(tag),
        pin: pins.get(tag),
      })
    }
  }
  return facts
}

/** Whether a run moved the tag to where it is. */
async function isMovedByRun(db: Queries, repositoryId: string, tag: Tag): Promise<boolean> {
  const row = await db
    .selectFrom('tag_history')
    .select('run_id')
    .where('repository_id', '=', repositoryId)
    .where('tag', '=', tag)
    .orderBy('at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined && row.run_id !== null
}

/**
 * Tags that are not simply in step with upstream, by name after the given one: what passes left open, and what people decided. What people
 * moved while the mirror was stopped is known to its next pass.
 */
export async function listOddTags(
  db: Queries,
  mirror: OfMirror,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<Tag[]> {
  const { after = '', limit } = o
  const seen = await db
    .selectFrom('mirror_tags')
    .select('tag')
    .where('mirror_id', '=', mirror.id)
    .where('tag', '>', after)
    // As the index has it: engines use it for these words only.
    .where(sql<boolean>`(state <> 'synced' or reason is not null)`)
    .orderBy('tag')
    .limit(limit)
    .execute()
  const found = new Set(seen.map(({ tag }) => tag))
  for (const table of ['mirror_tag_exclusions', 'tag_pins'] as const) {
    const rows = await db
      .selectFrom(table)
      .select('tag')
      .where('mirror_id', '=', mirror.id)
      .where('tag', '>', after)
      .orderBy('tag')
      .limit(limit)
      .execute()
    for (const { tag } of rows) found.add(tag)
  }
  return [...found].sort(byBytes).slice(0, limit) as Tag[]
}
