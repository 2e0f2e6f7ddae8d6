import { type BlobStore, newStorageKey, type Stage } from '../blobs/blob-store.ts'
import {
  findRepositoryBlob,
  insertBlob,
  type LinkedBlob,
  linkBlobs,
  listRepositoriesWithBlob,
  touchBlobs,
  touchLink,
  unlinkBlob,
} from '../db/content/blobs.ts'
import { listParents } from '../db/content/manifests.ts'
import type { Database, Queries, Transaction } from '../db/engine/engine.ts'
import { hurryQuotaPaused } from '../db/mirrors/life.ts'
import type { BlobRow, RepositoryRow } from '../db/schema.ts'
import { AppError, isAppError } from '../errors.ts'
import { type Clock, isoTime, systemClock } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import { GRACE_TIME_MS, ORPHAN_MS, quarterOf } from './collection/waits.ts'
import { type Destination, openDestination, refuseArchived } from './destination.ts'

/** A published blob of the repository. @throws AppError BLOB_UNKNOWN, also when it is staged or in another repository only */
export async function getBlob(db: Queries, repositoryId: string, digest: Digest): Promise<LinkedBlob> {
  const blob = await findRepositoryBlob(db, repositoryId, digest)
  if (blob !== undefined) return blob
  throw unknownBlob(digest)
}

/**
 * The same for a client that is told that it is there: one that is about to be collected stays.
 * @throws AppError BLOB_UNKNOWN
 */
export async function getAskedBlob(
  { db, clock, graceMs }: { readonly db: Database; readonly clock: Clock; readonly graceMs?: number },
  repositoryId: string,
  digest: Digest,
): Promise<BlobRow> {
  const blob = await getBlob(db.read, repositoryId, digest)
  if (blob.doomed_at === null) {
    touchBlob({ db, clock, graceMs }, { digest, repositoryId, touchedAt: blob.linked_at })
    return blob
  }
  const at = isoTime(clock.now())
  if (await db.write((tx) => touchLink(tx, repositoryId, digest, at))) return blob
  throw unknownBlob(digest)
}

export function unknownBlob(digest: Digest): AppError {
  return new AppError('BLOB_UNKNOWN', `the repository has no blob ${digest}`, { detail: { digest } })
}

/**
 * Keeps the collector away from a blob that was just asked for; written at most once in a quarter of the grace time, in the
 * background: a pull waits for no writer. Should it be lost, what is doomed waits for as long again.
 */
export function touchBlob(
  o: { readonly db: Database; readonly clock: Clock; readonly graceMs?: number | undefined },
  blob: { readonly digest: Digest; readonly repositoryId: string; readonly touchedAt: string },
): void {
  const now = o.clock.now()
  if (now.getTime() - Date.parse(blob.touchedAt) < quarterOf(o.graceMs ?? GRACE_TIME_MS)) return
  const { repositoryId, digest } = blob
  o.db.later.add(`blob ${repositoryId} ${digest}`, async (tx) => {
    await touchLink(tx, repositoryId, digest, isoTime(now))
  })
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
  const sealedAt = clock.now()
  // The stage stays until the transaction is through: a kill in between leaves the session with all its bytes.
  await stage.sealKeeping(storageKey)
  const at = isoTime(clock.now())
  let isKept: boolean
  try {
    isKept = await db.writeSmall(async (tx) => {
      const repository = await openDestination(tx, destination, at)
      await first(tx)
      requireFresh(sealedAt, clock.now())
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

/**
 * An object that nothing names is taken for lost after a day: whoever stood still for as long between storing and naming it begins anew.
 * @throws AppError CONFLICT
 */
export function requireFresh(sealedAt: Date, now: Date): void {
  if (now.getTime() - sealedAt.getTime() < ORPHAN_MS / 2) return
  throw new AppError('CONFLICT', 'the blob took too long to be kept: send it again')
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
