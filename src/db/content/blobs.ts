import { AppError } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { type Chunk, inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareIn, prepareQuery, prepareRows, type Value } from '../engine/prepared.ts'
import type { BlobRow, RepositoryBlobRow } from '../schema.ts'
import { replaceDamagedBlob } from './damage.ts'
import { chargeLinks, dischargeLinks, sizeForLink } from './quota.ts'

interface NewBlob {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly storageKey: string
  readonly at: string
}

const insertOrTouch = prepareQuery((db, value: Value<NewBlob>) =>
  db
    .insertInto('blobs')
    .values({
      digest: value('digest'),
      size_bytes: value('sizeBytes'),
      storage_key: value('storageKey'),
      touched_at: value('at'),
    })
    .onConflict((conflict) => conflict.column('digest').doUpdateSet({ touched_at: value('at') }))
    .returningAll(),
)

const findTombstone = prepareQuery((db, value: Value<Pick<NewBlob, 'storageKey'>>) =>
  db.selectFrom('blob_tombstones').select('storage_key').where('storage_key', '=', value('storageKey')),
)

/**
 * Registers a sealed object. On conflict nothing happens and the present row wins: the loser deletes its own key. But what is damaged is
 * replaced.
 * @returns the row that counts; `isNew`: nobody had it before; `isKept`: the object is the one that counts
 */
export async function insertBlob(
  tx: Transaction,
  blob: NewBlob,
): Promise<{ row: BlobRow; isNew: boolean; isKept: boolean }> {
  const [row] = await insertOrTouch(tx, blob)
  // Whoever stood still between storing the object and this finds that it was taken for nobody's, and stores it again.
  if (row?.storage_key === blob.storageKey && (await findTombstone(tx, blob)).length > 0) {
    throw new AppError(
      'CONFLICT',
      `blob ${blob.digest} took too long to be kept, and its bytes are removed: send it again`,
    )
  }
  if (row === undefined) throw new Error(`the row of ${blob.digest} was neither inserted nor found`)
  if (row.damage !== null) {
    await replaceDamagedBlob(tx, blob, row.storage_key)
    return { row: { ...row, storage_key: blob.storageKey, damage: null }, isNew: false, isKept: true }
  }
  const isNew = row.storage_key === blob.storageKey
  return { row, isNew, isKept: isNew }
}

const insertLinks = prepareRows((db, chunk: Chunk<Omit<RepositoryBlobRow, 'size_bytes' | 'doomed_at'>>) =>
  db
    .insertInto('repository_blobs')
    .values(chunk.map((row) => ({ ...row, size_bytes: sizeForLink(db, 'blob', row.digest) })))
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'digest']).doUpdateSet((eb) => ({
        published_at: eb.fn.coalesce('repository_blobs.published_at', 'excluded.published_at'),
        linked_at: eb.ref('excluded.linked_at'),
        doomed_at: null,
      })),
    ),
)

/**
 * Links stored blobs into a repository. `publishedAt` null = staged. A link that is published stays so.
 * The blobs' rows must exist (foreign key). @param o.newBytes their size, when nobody had them before. @throws AppError DENIED over the organization's quota
 */
export async function linkBlobs(
  tx: Transaction,
  repositoryId: string,
  digests: readonly Digest[],
  o: { readonly publishedAt: string | null; readonly at: string; readonly newBytes?: number | undefined },
): Promise<void> {
  await chargeLinks(tx, repositoryId, 'blob', digests, o)
  const row = { repository_id: repositoryId, published_at: o.publishedAt, linked_at: o.at }
  await insertLinks(
    tx,
    digests.map((digest) => ({ ...row, digest })),
  )
}

const readBlob = prepareQuery((db, value: Value<Record<'repositoryId' | 'digest', string>>) =>
  db
    .selectFrom('repository_blobs as link')
    .innerJoin('blobs as blob', 'blob.digest', 'link.digest')
    .selectAll('blob')
    .select(['link.published_at', 'link.linked_at', 'link.doomed_at'])
    .where('link.repository_id', '=', value('repositoryId'))
    .where('link.digest', '=', value('digest')),
)

/** A blob as one repository has it. */
export interface LinkedBlob extends BlobRow {
  readonly linked_at: string
  /** It goes soon, unless somebody asks for it. */
  readonly doomed_at: string | null
}

/** A blob of the repository; only published ones unless `staged` is asked for, and none that is damaged. */
export async function findRepositoryBlob(
  db: Queries,
  repositoryId: string,
  digest: Digest,
  o: { readonly staged?: boolean } = {},
): Promise<LinkedBlob | undefined> {
  const [row] = await readBlob(db, { repositoryId, digest })
  return row === undefined || row.damage !== null || (row.published_at === null && o.staged !== true) ? undefined : row
}

/** Which of `digests` the repository has (published only unless `staged`), with their sizes; not the damaged ones. */
export async function listRepositoryBlobs(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
  o: { readonly staged?: boolean } = {},
): Promise<Map<Digest, BlobRow>> {
  const readThem = o.staged === true ? readLinked : readPublished
  const rows = await readThem(db, digests, { repositoryId })
  return new Map(rows.map((row) => [row.digest as Digest, row]))
}

const readPublished = prepareIn((db, chunk: Chunk<Digest>, value: Value<{ readonly repositoryId: string }>) =>
  linkedQuery(db, value('repositoryId'), chunk).where('link.published_at', 'is not', null),
)
const readLinked = prepareIn((db, chunk: Chunk<Digest>, value: Value<{ readonly repositoryId: string }>) =>
  linkedQuery(db, value('repositoryId'), chunk),
)

function linkedQuery(db: Queries, repositoryId: string, chunk: Chunk<Digest>) {
  return db
    .selectFrom('repository_blobs as link')
    .innerJoin('blobs as blob', 'blob.digest', 'link.digest')
    .selectAll('blob')
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', 'in', chunk)
    .where('blob.damage', 'is', null)
}

/** Repositories of one organization in which the blob is published, and not damaged: where a mount may come from. */
export async function listRepositoriesWithBlob(
  db: Queries,
  organizationId: string,
  digest: Digest,
): Promise<{ id: string; name: string }[]> {
  return db
    .selectFrom('repository_blobs as link')
    .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
    .innerJoin('blobs as blob', 'blob.digest', 'link.digest')
    .select(['repository.id', 'repository.name'])
    .where('blob.damage', 'is', null)
    .where('repository.organization_id', '=', organizationId)
    .where('link.digest', '=', digest)
    .where('link.published_at', 'is not', null)
    .orderBy('repository.name')
    .execute()
}

/** The same for the blob of a repository, whose link goes by itself. @returns false when it went meanwhile */
export async function touchLink(tx: Transaction, repositoryId: string, digest: Digest, at: string): Promise<boolean> {
  await touchBlobs(tx, [digest], at)
  const { numUpdatedRows } = await tx
    .updateTable('repository_blobs')
    .set({ linked_at: at, doomed_at: null })
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Keeps the collector away from blobs that somebody just asked for. */
export async function touchBlobs(tx: Transaction, digests: readonly Digest[], at: string): Promise<void> {
  for (const chunk of inChunks(digests)) {
    await tx.updateTable('blobs').set({ touched_at: at }).where('digest', 'in', chunk).execute()
  }
}

/** @returns whether it was linked */
export async function unlinkBlob(tx: Transaction, repositoryId: string, digest: Digest): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('repository_blobs')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (numDeletedRows > 0n) await dischargeLinks(tx, repositoryId, 'blob', [digest])
  return numDeletedRows > 0n
}
