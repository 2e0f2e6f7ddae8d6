/** What a mirror holds against people, and what people's deletions tell a mirror (design, "Core of the data"). */
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { inChunks } from './chunks.ts'
import type { Queries, Transaction } from './engine.ts'

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
  const owned = new Map<Tag, MirrorName>()
  for (const chunk of inChunks(tags)) {
    const rows = await db
      .selectFrom('mirror_tags as tag')
      .innerJoin('mirrors as mirror', 'mirror.id', 'tag.mirror_id')
      .innerJoin('upstreams as upstream', 'upstream.id', 'mirror.upstream_id')
      .select(['tag.tag', 'mirror.id', 'mirror.source_repository', 'upstream.name as upstream'])
      .where('mirror.repository_id', '=', repositoryId)
      .where('mirror.state', '!=', 'stopped')
      .where('tag.tag', 'in', [...chunk])
      .where('tag.synced_digest', 'is not', null)
      .execute()
    for (const row of rows)
      owned.set(row.tag as Tag, { id: row.id, source: `${row.upstream}/${row.source_repository}` })
  }
  return owned
}

/** The mirror of a repository, stopped or not: it may be restarted, and then what people deleted stays away. */
async function findMirrorId(db: Queries, repositoryId: string): Promise<string | undefined> {
  const row = await db.selectFrom('mirrors').select('id').where('repository_id', '=', repositoryId).executeTakeFirst()
  return row?.id
}

/** A person deleted the tag: the mirror does not bring it back until it is released. Nothing on a repository without mirror. */
export async function excludeTag(tx: Transaction, repositoryId: string, tag: Tag, at: string): Promise<void> {
  const mirrorId = await findMirrorId(tx, repositoryId)
  if (mirrorId === undefined) return
  await tx
    .updateTable('mirror_tags')
    .set({ state: 'excluded', reason: 'deleted by a person', checked_at: at })
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .execute()
}

/**
 * A person deletes mirrored content by digest (the manifest is still linked). Nothing happens on a repository without mirror, or for
 * content that people pushed.
 */
export async function excludeDigest(
  tx: Transaction,
  repositoryId: string,
  excluded: { readonly digest: Digest; readonly tags: readonly Tag[]; readonly at: string },
): Promise<void> {
  const mirrorId = await findMirrorId(tx, repositoryId)
  if (mirrorId === undefined || !(await isMirrored(tx, repositoryId, excluded.digest))) return
  await tx
    .insertInto('mirror_exclusions')
    .values({
      mirror_id: mirrorId,
      digest: excluded.digest,
      tags: JSON.stringify(excluded.tags),
      excluded_at: excluded.at,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['mirror_id', 'digest'])
        .doUpdateSet({ tags: JSON.stringify(excluded.tags), excluded_at: excluded.at }),
    )
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
