import type { BlobStore } from '../blobs/blob-store.ts'
import { markBlob } from '../db/content/damage.ts'
import type { Database } from '../db/engine/engine.ts'
import type { BlobRow } from '../db/schema.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'

/**
 * Somebody's read of a blob has found no such object: marks it, when a second look at its size says so too. The reader's answer waits for it,
 * since its next request is to find the blob absent.
 * @returns whether it is marked
 */
export async function noticeDamage(
  { db, blobs }: { readonly db: Database; readonly blobs: BlobStore },
  blob: Pick<BlobRow, 'digest' | 'size_bytes' | 'storage_key'>,
): Promise<boolean> {
  const sizeBytes = await blobs.findSize(blob.storage_key)
  if (sizeBytes === blob.size_bytes) return false
  const damage = sizeBytes === undefined ? 'missing' : sizeBytes < blob.size_bytes ? 'short' : 'corrupt'
  const object = { digest: blob.digest as Digest, storageKey: blob.storage_key }
  return db.writeSmall((tx) => markBlob(tx, object, damage, isoTime(systemClock.now())))
}
