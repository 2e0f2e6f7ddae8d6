import { type BlobStore, newStorageKey, type Stage } from '../blobs/blob-store.ts'
import {
  findRepositoryBlob,
  insertBlob,
  linkBlobs,
  listRepositoriesWithBlob,
  touchBlobs,
  unlinkBlob,
} from '../db/content/blobs.ts'
import { listParents } from '../db/content/manifests.ts'
import type { Database, Queries, Transaction } from '../db/engine/engine.ts'
import { hurryQuotaPaused } from '../db/mirrors/life.ts'
import type { BlobRow, RepositoryRow } from '../db/schema.ts'
import { AppError, isAppError } from '../errors.ts'
import { type Clock, isoTime, systemClock } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import { type Destination, openDestination, refuseArchived } from './destination.ts'

/** Unreferenced content that somebody touched lives at least this long. */
export const GRACE_TIME_MS = 24 * 60 * 60 * 1000

/** A published blob of the repository. @throws AppError BLOB_UNKNOWN, also when it is staged or in another repository only */
export async function getBlob(db: Queries, repositoryId: string, digest: Digest): Promise<BlobRow> {
  const blob = await findRepositoryBlob(db, repositoryId, digest)
  if (blob !== undefined) return blob
  throw unknownBlob(digest)
}

export function unknownBlob(digest: Digest): AppError {
  return new AppError('BLOB_UNKNOWN', `the repository has no blob ${digest}`, { detail: { digest } })
}

/**
 * Keeps the collector away from a blob that was just asked for; written at most once in a quarter of the grace time, in the
 * background: a pull waits for no writer.
 */
export function touchBlob(db: Database, clock: Clock, blob: Pick<BlobRow, 'digest' | 'touched_at'>): void {
  const now = clock.now()
  if (now.getTime() - Date.parse(blob.touched_at) < GRACE_TIME_MS / 4) return
  db.later.add(`blob ${blob.digest}`, (tx) => touchBlobs(tx, [blob.digest as Digest], isoTime(now)))
}

/**
 * Makes a verified stage a published blob of the destination, and discards the stage; after a failure that is left to the caller.
 * @param first runs first in the same transaction: what the stage took of the quota is given back there
 * @throws AppError DENIED (quota, archived), STORAGE_FULL
 */
export async function commitBlob(
  { db, blobs, clock }: { readonly db: Database; readonly blobs: BlobStore; readonly clock: Clock },
  stage: Stage,
  digest: Digest,
  destination: Destination,
  first: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const { sizeBytes } = stage
  const storageKey = newStorageKey(digest)
  // The stage stays until the transaction is through: a kill in between leaves the session with all its bytes.
  await stage.sealKeeping(storageKey)
  const at = isoTime(clock.now())
  let isKept: boolean
  try {
    isKept = await db.writeSmall(async (tx) => {
      const repository = await openDestination(tx, destination, at)
      await first(tx)
      const inserted = await insertBlob(tx, { digest, sizeBytes, storageKey, at })
      const newBytes = inserted.isNew ? sizeBytes : undefined
      await linkBlobs(tx, repository.id, [digest], { publishedAt: at, at, newBytes })
      return inserted.isKept
    })
  } catch (error) {
    // Only a refusal is sure to have changed nothing; after any other failure the collector decides whether the key is an orphan.
    if (isAppError(error)) await blobs.remove(storageKey)
    throw error
  }
  await stage.discard()
  if (!isKept) await blobs.remove(storageKey)
}

/** Where a mount may come from: repositories of the same organization in which the blob is published (invariant 2). */
export const listMountSources = listRepositoriesWithBlob

/**
 * Links a blob of another repository of the same organization. The caller has checked that the source may be pulled.
 * @returns false when the source has it no longer (or never had): the client uploads then
 * @throws AppError DENIED (quota, archived)
 */
export async function mountBlob(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  destination: Destination,
  digest: Digest,
  from: RepositoryRow,
): Promise<boolean> {
  if (from.organization_id !== destination.organization.id) return false
  const at = isoTime(clock.now())
  return db.writeSmall(async (tx) => {
    const blob = await findRepositoryBlob(tx, from.id, digest)
    if (blob === undefined) return false
    const repository = await openDestination(tx, destination, at)
    await touchBlobs(tx, [digest], at)
    await linkBlobs(tx, repository.id, [digest], { publishedAt: at, at })
    return true
  })
}

/**
 * Takes a blob out of the repository.
 * @throws AppError BLOB_UNKNOWN, DENIED (archived), UNSUPPORTED when a manifest of the repository needs it
 */
export async function deleteBlob(db: Database, repository: RepositoryRow, digest: Digest): Promise<void> {
  await db.writeSmall(async (tx) => {
    await getBlob(tx, repository.id, digest)
    refuseArchived(repository)
    const [parent] = await listParents(tx, repository.id, digest)
    if (parent !== undefined) {
      throw new AppError('UNSUPPORTED', `blob ${digest} is part of manifest ${parent}: delete that first`, {
        detail: { digest, parent },
      })
    }
    await unlinkBlob(tx, repository.id, digest)
    await hurryQuotaPaused(tx, repository.organization_id, isoTime(systemClock.now()))
  })
}
