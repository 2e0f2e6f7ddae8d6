/** Checks of all that is stored: their rows, and what they go through, by key. */
import type { Digest } from '../../oci/digest.ts'
import { inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { StorageCheckRow } from '../schema.ts'

export async function insertCheck(tx: Transaction, row: StorageCheckRow): Promise<void> {
  await tx.insertInto('storage_checks').values(row).execute()
}

/** The one that is under way, or waits for somebody to go on with it. */
export async function findOpenCheck(db: Queries): Promise<StorageCheckRow | undefined> {
  return db
    .selectFrom('storage_checks')
    .selectAll()
    .where('state', '=', 'running')
    .orderBy('started_at')
    .limit(1)
    .executeTakeFirst()
}

/** @param id undefined: the last one */
export async function findCheck(db: Queries, id: string | undefined): Promise<StorageCheckRow | undefined> {
  return db
    .selectFrom('storage_checks')
    .selectAll()
    .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function changeCheck(tx: Transaction, id: string, change: Partial<StorageCheckRow>): Promise<void> {
  await tx.updateTable('storage_checks').set(change).where('id', '=', id).execute()
}

/** Removes the results of all but the last ones. */
export async function forgetChecks(tx: Transaction, keep: number): Promise<void> {
  await tx
    .deleteFrom('storage_checks')
    .where('state', '!=', 'running')
    .where('id', 'not in', (eb) =>
      eb.selectFrom('storage_checks').select('id').orderBy('started_at', 'desc').limit(keep),
    )
    .execute()
}

/** Blobs in the order of their digests. */
export async function listBlobsAfter(db: Queries, after: string, limit: number) {
  return db
    .selectFrom('blobs')
    .select(['digest', 'size_bytes', 'storage_key', 'damage'])
    .where('digest', '>', after)
    .orderBy('digest')
    .limit(limit)
    .execute()
}

/** Manifests in the order of their digests, without their bytes. */
export async function listManifestsAfter(db: Queries, after: string, limit: number) {
  return db
    .selectFrom('manifests')
    .select(['digest', 'size_bytes', 'damage'])
    .where('digest', '>', after)
    .orderBy('digest')
    .limit(limit)
    .execute()
}

export async function findManifestBytes(db: Queries, digest: string): Promise<Uint8Array | undefined> {
  return (await db.selectFrom('manifests').select('bytes').where('digest', '=', digest).executeTakeFirst())?.bytes
}

/** Something that a published manifest names and that its repository does not serve. */
export interface UnmetReference {
  readonly digest: Digest
  readonly kind: 'config' | 'layer' | 'child'
  readonly mediaType: string
  /** A mirror brought the manifest, or the repository takes lists of which some entries are missing. */
  readonly isSparse: boolean
}

/** Published manifests by repository and digest; `after` is the last one of before, as `position` gives it. */
export async function listPublishedAfter(
  db: Queries,
  after: string,
  limit: number,
): Promise<{ readonly repositoryId: string; readonly digest: Digest; readonly position: string }[]> {
  const [repository = '', digest = ''] = after.split(' ')
  const rows = await db
    .selectFrom('repository_manifests')
    .select(['repository_id', 'digest'])
    .where('published_at', 'is not', null)
    .where((eb) =>
      eb.or([
        eb('repository_id', '>', repository),
        eb.and([eb('repository_id', '=', repository), eb('digest', '>', digest)]),
      ]),
    )
    .orderBy('repository_id')
    .orderBy('digest')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    repositoryId: row.repository_id,
    digest: row.digest as Digest,
    position: `${row.repository_id} ${row.digest}`,
  }))
}

/** What these published manifests of a repository name and it does not have; damaged content is there. */
export async function listUnmet(
  db: Queries,
  repositoryId: string,
  parents: readonly Digest[],
): Promise<UnmetReference[]> {
  const found: UnmetReference[] = []
  for (const chunk of inChunks(parents)) {
    const rows = await db
      .selectFrom('repository_manifests as link')
      .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
      .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
      .leftJoin('repository_blobs as blob', (join) =>
        join
          .onRef('blob.repository_id', '=', 'link.repository_id')
          .onRef('blob.digest', '=', 'part.digest')
          .on('blob.published_at', 'is not', null),
      )
      .leftJoin('repository_manifests as manifest', (join) =>
        join
          .onRef('manifest.repository_id', '=', 'link.repository_id')
          .onRef('manifest.digest', '=', 'part.digest')
          .on('manifest.published_at', 'is not', null),
      )
      .select(['part.digest', 'part.kind', 'part.media_type', 'link.mirrored_at', 'repository.allow_sparse'])
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .where('part.kind', '!=', 'subject')
      .where('blob.digest', 'is', null)
      .where('manifest.digest', 'is', null)
      .execute()
    for (const row of rows) {
      found.push({
        digest: row.digest as Digest,
        kind: row.kind as UnmetReference['kind'],
        mediaType: row.media_type,
        isSparse: row.allow_sparse === 1 || row.mirrored_at !== null,
      })
    }
  }
  return found
}
