/** Tags that people took back: a mirror leaves them where they are. Only people write here; passes and publishers obey. */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { findTag } from '../content/tags.ts'
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { TagPinRow } from '../schema.ts'
import { findMirrorId } from './mirrors.ts'

/** Those of `tags` that are pinned. */
export async function findPins(db: Queries, mirrorId: string, tags: readonly Tag[]): Promise<Map<Tag, TagPinRow>> {
  const rows = await allOfChunks(tags, (chunk) =>
    db.selectFrom('tag_pins').selectAll().where('mirror_id', '=', mirrorId).where('tag', 'in', chunk).execute(),
  )
  return new Map(rows.map((row) => [row.tag as Tag, row]))
}

/** By tag, after the given one. */
export async function listPins(
  db: Queries,
  mirrorId: string,
  o: { readonly after?: string | undefined; readonly limit?: number } = {},
): Promise<TagPinRow[]> {
  let query = db.selectFrom('tag_pins').selectAll().where('mirror_id', '=', mirrorId).orderBy('tag')
  if (o.after !== undefined) query = query.where('tag', '>', o.after)
  if (o.limit !== undefined) query = query.limit(o.limit)
  return query.execute()
}

/** The pinned among these tags of a repository, whatever its mirror is. */
export async function listPinnedTags(db: Queries, repositoryId: string, tags: readonly Tag[]): Promise<Set<Tag>> {
  const rows = await allOfChunks(tags, (chunk) =>
    db
      .selectFrom('tag_pins as pin')
      .innerJoin('mirrors as mirror', 'mirror.id', 'pin.mirror_id')
      .select('pin.tag')
      .where('mirror.repository_id', '=', repositoryId)
      .where('pin.tag', 'in', chunk)
      .execute(),
  )
  return new Set(rows.map((row) => row.tag as Tag))
}

/**
 * Pins a tag of a mirrored repository, stopped or not, once the mirror knows it or has ever moved it: what was never the mirror's is
 * people's own anyway, and what it has untagged may come back. A pin is the last word on the tag: an exclusion of before is over.
 * @returns undefined where nothing has to be pinned
 */
export async function pinTag(
  tx: Transaction,
  repositoryId: string,
  pin: {
    readonly tag: Tag
    readonly digest: Digest
    readonly reason: string
    readonly by: string
    readonly at: string
  },
): Promise<TagPinRow | undefined> {
  const mirrorId = await findMirrorId(tx, repositoryId)
  if (mirrorId === undefined) return undefined
  const { tag } = pin
  const of = { mirror_id: mirrorId, tag }
  const known = [
    await tx
      .selectFrom('mirror_tags')
      .select('tag')
      .where(({ and }) => and(of))
      .executeTakeFirst(),
    await tx
      .selectFrom('tag_pins')
      .select('tag')
      .where(({ and }) => and(of))
      .executeTakeFirst(),
    await tx
      .deleteFrom('mirror_tag_exclusions')
      .where(({ and }) => and(of))
      .returning('tag')
      .executeTakeFirst(),
  ]
  if (known.every((row) => row === undefined) && !(await wasMovedByRun(tx, repositoryId, tag))) return undefined
  const row = { digest: pin.digest, reason: pin.reason, pinned_by: pin.by, pinned_at: pin.at }
  await tx
    .insertInto('tag_pins')
    .values({ ...of, ...row })
    .onConflict((conflict) => conflict.columns(['mirror_id', 'tag']).doUpdateSet(row))
    .execute()
  return { ...of, ...row }
}

async function wasMovedByRun(tx: Transaction, repositoryId: string, tag: Tag): Promise<boolean> {
  const row = await tx
    .selectFrom('tag_history')
    .select('id')
    .where('repository_id', '=', repositoryId)
    .where('tag', '=', tag)
    .where('run_id', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** @returns whether it was pinned */
export async function removePin(tx: Transaction, mirrorId: string, tag: string): Promise<TagPinRow | undefined> {
  return tx
    .deleteFrom('tag_pins')
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .returningAll()
    .executeTakeFirst()
}

/**
 * Gives a tag back to the mirror where it points now: the mirror takes it for what it put there itself, and moves it with upstream.
 * @returns where that is; undefined when it is not here
 */
export async function handOver(
  tx: Transaction,
  mirror: { readonly id: string; readonly repository_id: string },
  tag: Tag,
  at: string,
): Promise<Digest | undefined> {
  const here = await findTag(tx, mirror.repository_id, tag)
  if (here === undefined) return undefined
  const present = { absent_since: null, absent_accepted: 0 } as const
  const row = { synced_digest: here.digest, state: 'pending', reason: null, ...present } as const
  const unseen = { head_digest: null, upstream_digest: null, checked_at: at }
  await tx
    .insertInto('mirror_tags')
    .values({ mirror_id: mirror.id, tag, ...unseen, ...row })
    .onConflict((conflict) => conflict.columns(['mirror_id', 'tag']).doUpdateSet(row))
    .execute()
  return here.digest as Digest
}
