/** What people keep mirrors from, tag by tag and digest by digest. Only people write here; passes and publishers obey. */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { findTag } from '../content/tags.ts'
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { MirrorTagExclusionRow } from '../schema.ts'
import { removePin } from './tag-pins.ts'

/** Why a tag is excluded when it was deleted here, and nobody gave a reason. */
export const DELETED = 'deleted by a person'

/** `tag` null: content that was deleted by its digest, without a tag that the mirror knew. */
export interface Exclusion {
  readonly tag: Tag | null
  readonly digest: Digest | null
  readonly reason: string
  /** As events name them; null when an older version did not write it down. */
  readonly by: string | null
  readonly at: string
}

/** Excludes a tag. One that is excluded already keeps its first reason, unless the new one was `isGiven`. */
export async function insertTagExclusion(
  tx: Transaction,
  row: MirrorTagExclusionRow,
  o: { readonly isGiven: boolean },
): Promise<void> {
  await tx
    .insertInto('mirror_tag_exclusions')
    .values(row)
    .onConflict((conflict) =>
      o.isGiven
        ? conflict.columns(['mirror_id', 'tag']).doUpdateSet({
            reason: row.reason,
            excluded_by: row.excluded_by,
            excluded_at: row.excluded_at,
          })
        : conflict.columns(['mirror_id', 'tag']).doNothing(),
    )
    .execute()
  // The last word of people counts.
  await removePin(tx, row.mirror_id, row.tag)
  // What the last pass saw of it is no longer what is shown.
  await tx
    .updateTable('mirror_tags')
    .set({ state: 'excluded', reason: row.reason })
    .where('mirror_id', '=', row.mirror_id)
    .where('tag', '=', row.tag)
    .execute()
}

/** Tag → why it is excluded. */
export async function listExcludedTags(db: Queries, mirrorId: string): Promise<Map<Tag, string>> {
  const rows = await db
    .selectFrom('mirror_tag_exclusions')
    .select(['tag', 'reason'])
    .where('mirror_id', '=', mirrorId)
    .execute()
  return new Map(rows.map((row) => [row.tag as Tag, row.reason]))
}

/** Those of `tags` that are excluded, with the reason. */
export async function findExcludedTags(db: Queries, mirrorId: string, tags: readonly Tag[]): Promise<Map<Tag, string>> {
  const rows = await allOfChunks(tags, (chunk) =>
    db
      .selectFrom('mirror_tag_exclusions')
      .select(['tag', 'reason'])
      .where('mirror_id', '=', mirrorId)
      .where('tag', 'in', chunk)
      .execute(),
  )
  return new Map(rows.map((row) => [row.tag as Tag, row.reason]))
}

/** Digests that people deleted from the mirror's repository. */
export async function listExcludedDigests(db: Queries, mirrorId: string): Promise<Set<Digest>> {
  const rows = await db.selectFrom('mirror_exclusions').select('digest').where('mirror_id', '=', mirrorId).execute()
  return new Set(rows.map((row) => row.digest as Digest))
}

/** By tag, then by digest; `after` is the tag or digest of the last one seen. */
export async function listExclusions(
  db: Queries,
  mirrorId: string,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<Exclusion[]> {
  const { after = '', limit } = page
  // A tag holds no colon, a digest does.
  const isPastTags = after.includes(':')
  const tags = isPastTags
    ? []
    : await db
        .selectFrom('mirror_tag_exclusions')
        .selectAll()
        .where('mirror_id', '=', mirrorId)
        .where('tag', '>', after)
        .orderBy('tag')
        .limit(limit)
        .execute()
  const digests = await db
    .selectFrom('mirror_exclusions as exclusion')
    .selectAll('exclusion')
    .where('exclusion.mirror_id', '=', mirrorId)
    .where('exclusion.digest', '>', isPastTags ? after : '')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('mirror_tag_exclusions as tag')
            .select('tag.tag')
            .whereRef('tag.mirror_id', '=', 'exclusion.mirror_id')
            .whereRef('tag.digest', '=', 'exclusion.digest'),
        ),
      ),
    )
    .orderBy('exclusion.digest')
    .limit(limit - tags.length)
    .execute()
  return [
    ...tags.map((row) => ({
      tag: row.tag as Tag,
      digest: row.digest as Digest | null,
      reason: row.reason,
      by: row.excluded_by,
      at: row.excluded_at,
    })),
    ...digests.map((row) => ({
      tag: null,
      digest: row.digest as Digest,
      reason: DELETED,
      by: row.excluded_by,
      at: row.excluded_at,
    })),
  ]
}

/** The tag's exclusion and, with it, those of the digests that it was deleted with or that upstream had it at. */
export async function removeTagExclusion(
  tx: Transaction,
  mirrorId: string,
  tag: Tag,
): Promise<{ readonly wasExcluded: boolean; readonly digests: readonly Digest[] }> {
  const row = await tx
    .deleteFrom('mirror_tag_exclusions')
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .returning('digest')
    .executeTakeFirst()
  const seen = await tx
    .selectFrom('mirror_tags')
    .select('upstream_digest')
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .executeTakeFirst()
  const wanted = new Set([row?.digest, seen?.upstream_digest])
  const all = await tx
    .selectFrom('mirror_exclusions')
    .select(['digest', 'tags'])
    .where('mirror_id', '=', mirrorId)
    .execute()
  const digests = all
    .filter(({ digest, tags }) => wanted.has(digest) || (JSON.parse(tags) as string[]).includes(tag))
    .map(({ digest }) => digest as Digest)
  for (const digest of digests) await removeDigestExclusion(tx, mirrorId, digest)
  return { wasExcluded: row !== undefined || digests.length > 0, digests }
}

/** @returns whether it was excluded */
async function removeDigestExclusion(tx: Transaction, mirrorId: string, digest: Digest): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('mirror_exclusions')
    .where('mirror_id', '=', mirrorId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (numDeletedRows === 0n) return false
  // Referrer lists counted it as served, and would not be read again.
  await tx.deleteFrom('mirror_subjects').where('mirror_id', '=', mirrorId).execute()
  return true
}

/** The digest's exclusion, and those of the tags that were deleted with it. */
export async function removeDeletedContent(
  tx: Transaction,
  mirrorId: string,
  digest: Digest,
): Promise<{ readonly wasExcluded: boolean; readonly tags: readonly Tag[] }> {
  const wasExcluded = await removeDigestExclusion(tx, mirrorId, digest)
  const rows = await tx
    .deleteFrom('mirror_tag_exclusions')
    .where('mirror_id', '=', mirrorId)
    .where('digest', '=', digest)
    .returning('tag')
    .execute()
  return { wasExcluded: wasExcluded || rows.length > 0, tags: rows.map((row) => row.tag as Tag).sort() }
}

/**
 * A released tag is as new to the mirror: where it is absent here, the mirror forgets having put it there, or the next pass would
 * take that for a person's deletion.
 * @returns whether that alone would have kept it away
 */
export async function forgetDeletedTag(
  tx: Transaction,
  mirror: { readonly id: string; readonly repository_id: string },
  tag: Tag,
): Promise<boolean> {
  const row = await tx
    .selectFrom('mirror_tags')
    .select(['synced_digest', 'state'])
    .where('mirror_id', '=', mirror.id)
    .where('tag', '=', tag)
    .executeTakeFirst()
  if (row === undefined) return false
  const isHere = (await findTag(tx, mirror.repository_id, tag)) !== undefined
  if (row.state !== 'excluded' && (isHere || row.synced_digest === null)) return false
  await tx
    .updateTable('mirror_tags')
    .set({ state: 'pending', reason: null, ...(isHere ? {} : { synced_digest: null }) })
    .where('mirror_id', '=', mirror.id)
    .where('tag', '=', tag)
    .execute()
  return !isHere && row.synced_digest !== null
}
