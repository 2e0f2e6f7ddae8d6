/** What a repository of ours serves, as far as a replication has to know it before it reads anything: no bytes. */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Queries } from '../engine/engine.ts'

export interface ServedManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  readonly subject: Digest | undefined
}

export async function listServedManifests(db: Queries, repositoryId: string): Promise<ServedManifest[]> {
  const rows = await db
    .selectFrom('repository_manifests')
    .select(['digest', 'media_type', 'subject_digest', 'size_bytes'])
    .where('repository_id', '=', repositoryId)
    .where('published_at', 'is not', null)
    .execute()
  return rows.map((row) => ({
    digest: row.digest as Digest,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    subject: (row.subject_digest ?? undefined) as Digest | undefined,
  }))
}

export async function listServedTags(
  db: Queries,
  repositoryId: string,
): Promise<{ readonly tag: Tag; readonly digest: Digest }[]> {
  const rows = await db
    .selectFrom('tags')
    .select(['name', 'digest'])
    .where('repository_id', '=', repositoryId)
    .orderBy('name')
    .execute()
  return rows.map((row) => ({ tag: row.name as Tag, digest: row.digest as Digest }))
}
