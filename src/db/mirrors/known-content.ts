import type { Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

/** What the repository holds, staged or published, for walking known trees without asking upstream. */
export interface KnownManifestRow {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  readonly subjectDigest: Digest | null
  readonly isPublished: boolean
  /** Mirrors alone brought it: nobody has pushed it. */
  readonly isOwn: boolean
  /** Its bytes are not what they should be. */
  readonly isDamaged: boolean
}

export interface KnownReferenceRow {
  readonly parent: Digest
  readonly kind: 'config' | 'layer' | 'child'
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  /** Of entries of an index. */
  readonly platform: Platform | undefined
}

export async function listKnownManifests(db: Queries, repositoryId: string): Promise<KnownManifestRow[]> {
  const rows = await db
    .selectFrom('repository_manifests')
    .select(['digest', 'media_type', 'subject_digest', 'published_at', 'size_bytes'])
    .select(['pushed_at', 'mirrored_at'])
    .where('repository_id', '=', repositoryId)
    .execute()
  const damaged = await db
    .selectFrom('manifests as manifest')
    .innerJoin('repository_manifests as link', 'link.digest', 'manifest.digest')
    .select('manifest.digest')
    .where('manifest.damage', 'is not', null)
    .where('link.repository_id', '=', repositoryId)
    .execute()
  const damagedDigests = new Set(damaged.map((row) => row.digest))
  return rows.map((row) => ({
    digest: row.digest as Digest,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    subjectDigest: row.subject_digest as Digest | null,
    isPublished: row.published_at !== null,
    isOwn: row.mirrored_at !== null && row.pushed_at === null,
    isDamaged: damagedDigests.has(row.digest),
  }))
}

export async function listKnownReferences(db: Queries, repositoryId: string): Promise<KnownReferenceRow[]> {
  const rows = await db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifest_references as reference', 'reference.parent_digest', 'link.digest')
    .select(['reference.parent_digest', 'reference.kind', 'reference.digest', 'reference.media_type'])
    .select(['reference.size_bytes', 'reference.platform'])
    .where('link.repository_id', '=', repositoryId)
    .where('reference.kind', '!=', 'subject')
    .orderBy('link.digest')
    .orderBy('reference.position')
    .execute()
  return rows.map((row) => ({
    parent: row.parent_digest as Digest,
    kind: row.kind as KnownReferenceRow['kind'],
    digest: row.digest as Digest,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    platform: row.platform === null ? undefined : (JSON.parse(row.platform) as Platform),
  }))
}

/** The bytes of these manifests, as far as the repository holds them. */
export async function* readKnownBytes(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
): AsyncGenerator<{ readonly digest: Digest; readonly bytes: Uint8Array }> {
  // An index may have 4 MiB.
  for (const chunk of inChunks(digests, 8)) {
    const rows = await db
      .selectFrom('repository_manifests as link')
      .innerJoin('manifests as manifest', 'manifest.digest', 'link.digest')
      .select(['link.digest', 'manifest.bytes'])
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .execute()
    for (const row of rows) yield { digest: row.digest as Digest, bytes: row.bytes }
  }
}

/** All blobs of the repository, staged or published, with their sizes in bytes; not the damaged ones, which are to be fetched anew. */
export async function listKnownBlobs(db: Queries, repositoryId: string): Promise<Map<Digest, number>> {
  const rows = await db
    .selectFrom('repository_blobs')
    .select(['digest', 'size_bytes'])
    .where('repository_id', '=', repositoryId)
    .where('digest', 'not in', (eb) => eb.selectFrom('blobs').select('digest').where('damage', 'is not', null))
    .execute()
  return new Map(rows.map((row) => [row.digest as Digest, row.size_bytes]))
}
