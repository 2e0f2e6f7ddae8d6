/** Content that no repository has any more, and objects in neither table. */
import { allOfChunks, type Chunk } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { findPortionEnd } from './portion-end.ts'

export interface UnlinkedBlob {
  readonly digest: string
  readonly sizeBytes: number
  readonly touchedAt: string
}

const PORTION = 1000

/** Of the next portion of all blobs those that nothing links and nobody touched since `before`; `last` undefined: there are no more. */
export async function listUnlinkedBlobs(
  db: Queries,
  after: string,
  before: string,
): Promise<{ readonly found: UnlinkedBlob[]; readonly last: string | undefined }> {
  const last = await findPortionEnd(db, { table: 'blobs' }, { after, rows: PORTION })
  if (last === undefined) return { found: [], last }
  const rows = await unlinked(db, before)
    .where('blob.digest', '>', after)
    .where('blob.digest', '<=', last)
    .orderBy('blob.digest')
    .execute()
  return { found: rows.map(blobOf), last }
}

function unlinked(db: Queries, before: string) {
  return db
    .selectFrom('blobs as blob')
    .select(['blob.digest', 'blob.size_bytes', 'blob.touched_at', 'blob.storage_key'])
    .where('blob.touched_at', '<', before)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('repository_blobs').select('digest').whereRef('digest', '=', 'blob.digest'))),
    )
}

const blobOf = (row: { digest: string; size_bytes: number; touched_at: string }): UnlinkedBlob => ({
  digest: row.digest,
  sizeBytes: Number(row.size_bytes),
  touchedAt: row.touched_at,
})

/** Their rows go and their objects wait to be removed: those that are still linked by nothing, and untouched. @returns how many */
export async function buryBlobs(
  tx: Transaction,
  digests: readonly string[],
  o: { readonly before: string; readonly at: string },
): Promise<number> {
  const rows = await allOfChunks(digests, (chunk) => unlinked(tx, o.before).where('blob.digest', 'in', chunk).execute())
  await allOfChunks(
    rows.map(({ digest }) => digest),
    async (chunk) => {
      await tx.deleteFrom('fetched_content').where('digest', 'in', chunk).execute()
      await tx.deleteFrom('blobs').where('digest', 'in', chunk).execute()
      return []
    },
  )
  await bury(
    tx,
    rows.map((row) => ({ storage_key: row.storage_key, deleted_at: o.at, size_bytes: Number(row.size_bytes) })),
  )
  return rows.length
}

async function bury(tx: Transaction, rows: { storage_key: string; deleted_at: string; size_bytes: number }[]) {
  await allOfChunks(rows, async (chunk) => {
    await tx
      .insertInto('blob_tombstones')
      .values(chunk)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return []
  })
}

/** Keys of objects that no blob has: they wait to be removed too. @returns how many */
export async function buryOrphans(
  tx: Transaction,
  orphans: readonly { readonly key: string; readonly sizeBytes: number }[],
  at: string,
): Promise<number> {
  const known = new Set(
    await listKnownKeys(
      tx,
      orphans.map(({ key }) => key),
    ),
  )
  const rows = orphans.filter(({ key }) => !known.has(key))
  await bury(
    tx,
    rows.map(({ key, sizeBytes }) => ({ storage_key: key, deleted_at: at, size_bytes: sizeBytes })),
  )
  return rows.length
}

/** Those of these keys that are of a blob, or wait to be removed. */
export async function listKnownKeys(db: Queries, keys: readonly string[]): Promise<string[]> {
  const inTable = (table: 'blobs' | 'blob_tombstones') =>
    allOfChunks(keys, (chunk) =>
      db
        .selectFrom(table as 'blobs')
        .select('storage_key')
        .where('storage_key', 'in', chunk)
        .execute(),
    )
  return [...(await inTable('blobs')), ...(await inTable('blob_tombstones'))].map((row) => row.storage_key)
}

export interface Tombstone {
  readonly key: string
  readonly sizeBytes: number
  readonly at: string
}

/**
 * Objects that left the tables before a time, the oldest first; none while somebody reads objects by what the database said a while ago
 * (`content/storage-holds.ts`).
 */
export async function listTombstones(
  db: Queries,
  before: string,
  o: { readonly now: string; readonly limit: number; readonly after?: Tombstone | undefined },
): Promise<Tombstone[]> {
  const { after } = o
  let query = db
    .selectFrom('blob_tombstones')
    .selectAll()
    .where('deleted_at', '<=', before)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('storage_holds').select('id').where('storage_holds.expires_at', '>', o.now))),
    )
    .orderBy('deleted_at')
    .orderBy('storage_key')
    .limit(o.limit)
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('deleted_at', '>', after.at),
        eb.and([eb('deleted_at', '=', after.at), eb('storage_key', '>', after.key)]),
      ]),
    )
  }
  const rows = await query.execute()
  return rows.map((row) => ({ key: row.storage_key, sizeBytes: Number(row.size_bytes), at: row.deleted_at }))
}

/** Their objects are removed. */
export async function removeTombstones(tx: Transaction, keys: readonly string[]): Promise<void> {
  await allOfChunks(keys, async (chunk: Chunk<string>) => {
    await tx.deleteFrom('blob_tombstones').where('storage_key', 'in', chunk).execute()
    return []
  })
}

/** Manifests of the next portion of all that no repository has; `last` undefined: there are no more. */
export async function listUnlinkedManifests(
  db: Queries,
  after: string,
): Promise<{ readonly found: { digest: string; sizeBytes: number }[]; readonly last: string | undefined }> {
  const last = await findPortionEnd(db, { table: 'manifests' }, { after, rows: PORTION })
  if (last === undefined) return { found: [], last }
  const rows = await bare(db)
    .where('manifest.digest', '>', after)
    .where('manifest.digest', '<=', last)
    .orderBy('manifest.digest')
    .execute()
  return { found: rows.map((row) => ({ digest: row.digest, sizeBytes: Number(row.size_bytes) })), last }
}

function bare(db: Queries) {
  return db
    .selectFrom('manifests as manifest')
    .select(['manifest.digest', 'manifest.size_bytes'])
    .where((eb) =>
      eb.not(
        eb.exists(eb.selectFrom('repository_manifests').select('digest').whereRef('digest', '=', 'manifest.digest')),
      ),
    )
}

/** The bytes of these, with what they refer to, unless somebody has them by now. @returns bytes that they had */
export async function removeManifests(
  tx: Transaction,
  digests: readonly string[],
): Promise<{ readonly removed: number; readonly bytes: number }> {
  const rows = await allOfChunks(digests, (chunk) => bare(tx).where('manifest.digest', 'in', chunk).execute())
  await allOfChunks(
    rows.map(({ digest }) => digest),
    async (chunk) => {
      await tx.deleteFrom('manifests').where('digest', 'in', chunk).execute()
      return []
    },
  )
  return { removed: rows.length, bytes: rows.reduce((sum, row) => sum + Number(row.size_bytes), 0) }
}
