/** What a mirror holds against people, and what people's deletions tell a mirror (design, "Core of the data"). */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Chunk } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareIn, type Value } from '../engine/prepared.ts'
import { DELETED, insertTagExclusion } from './mirror-exclusions.ts'
import { findMirrorId } from './mirrors.ts'
import { findPins } from './tag-pins.ts'

/** A mirror that is at work on a repository, as messages name it. */
export interface MirrorName {
  readonly id: string
  /** `upstream/repository`. */
  readonly source: string
}

/** The tags among `tags` that a mirror which is not stopped has published: nobody else moves them. */
export async function listOwnedTags(
  db: Queries,
  repositoryId: string,
  tags: readonly Tag[],
): Promise<Map<Tag, MirrorName>> {
  const rows = await readOwned(db, tags, { repositoryId })
  return new Map(
    rows.map((row) => [row.tag as Tag, { id: row.id, source: `${row.upstream}/${row.source_repository}` }]),
  )
}

const readOwned = prepareIn((db, chunk: Chunk<Tag>, value: Value<{ readonly repositoryId: string }>) =>
  db
    .selectFrom('mirror_tags as tag')
    .innerJoin('mirrors as mirror', 'mirror.id', 'tag.mirror_id')
    .innerJoin('upstreams as upstream', 'upstream.id', 'mirror.upstream_id')
    .select(['tag.tag', 'mirror.id', 'mirror.source_repository', 'upstream.name as upstream'])
    .where('mirror.repository_id', '=', value('repositoryId'))
    .where('mirror.state', '!=', 'stopped')
    .where('tag.tag', 'in', chunk)
    .where('tag.synced_digest', 'is not', null)
    // What a person took out of the mirror's hands is theirs.
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('mirror_tag_exclusions as exclusion')
            .select('exclusion.tag')
            .whereRef('exclusion.mirror_id', '=', 'tag.mirror_id')
            .whereRef('exclusion.tag', '=', 'tag.tag'),
        ),
      ),
    ),
)

/** Who deletes, and when. */
export interface Deletion {
  /** As events name them. */
  readonly by: string
  readonly at: string
}

/**
 * A person deleted a tag that the mirror knows: it is excluded, so that no pass brings it back until it is released. Nothing
 * happens on a repository without mirror.
 * @param digest the manifest that was deleted by its digest, and the tag with it
 */
export async function excludeTag(
  tx: Transaction,
  repositoryId: string,
  tag: Tag,
  { by, at }: Deletion,
  digest?: Digest,
): Promise<void> {
  const mirrorId = await findMirrorId(tx, repositoryId)
  if (mirrorId === undefined) return
  const known = await tx
    .selectFrom('mirror_tags')
    .select('tag')
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .executeTakeFirst()
  if (known === undefined && !(await findPins(tx, mirrorId, [tag])).has(tag)) return
  await insertTagExclusion(
    tx,
    { mirror_id: mirrorId, tag, digest: digest ?? null, reason: DELETED, excluded_by: by, excluded_at: at },
    { isGiven: false },
  )
}

/**
 * A person deletes mirrored content by digest (the manifest is still linked). Nothing happens on a repository without mirror, or for
 * content that people pushed; its tags that the mirror knows stay away in any case.
 */
export async function excludeDigest(
  tx: Transaction,
  repositoryId: string,
  { digest, tags, by, at }: Deletion & { readonly digest: Digest; readonly tags: readonly Tag[] },
): Promise<void> {
  const mirrorId = await findMirrorId(tx, repositoryId)
  if (mirrorId === undefined) return
  for (const tag of tags) await excludeTag(tx, repositoryId, tag, { by, at }, digest)
  if (!(await isMirrored(tx, repositoryId, digest))) return
  const row = { tags: JSON.stringify(tags), excluded_by: by, excluded_at: at }
  await tx
    .insertInto('mirror_exclusions')
    .values({ mirror_id: mirrorId, digest, ...row })
    .onConflict((conflict) => conflict.columns(['mirror_id', 'digest']).doUpdateSet(row))
    .execute()
}

async function isMirrored(tx: Transaction, repositoryId: string, digest: Digest): Promise<boolean> {
  const row = await tx
    .selectFrom('repository_manifests')
    .select('mirrored_at')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row !== undefined && row.mirrored_at !== null
}
