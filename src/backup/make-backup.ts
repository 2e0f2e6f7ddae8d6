/** One backup: the rows of one moment, then the objects that they name, then the set that makes both a backup. */
import type { BlobStore } from '../blobs/blob-store.ts'
import { AppError, isAppError } from '../errors.ts'
import { blobPath } from '../layouts/layout-files.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { forEachConcurrent } from '../lib/concurrency.ts'
import type { Digest } from '../oci/digest.ts'
import { keyPath, type ListedBlob, newSet, rowsPath, setPath } from './backup-set.ts'
import { type BackupDestination, checked, drain } from './destination.ts'
import { blobsIn, rowsIn } from './read-rows.ts'
import type { StorageHold } from './storage-hold.ts'
import { type WrittenRows, writeRows } from './write-rows.ts'

export interface BackupRequest {
  /** A path or a `postgres://` URL. */
  readonly database: string
  readonly blobs: Pick<BlobStore, 'open'>
  readonly destination: BackupDestination
  /** `text`: the key itself, where it is to be in the backup. */
  readonly sealKey: { readonly fingerprint: string; readonly text: string | undefined }
  /** Of Kagami. */
  readonly version: string
  /** Reads files again that the destination has, and writes those anew that are not what their names say. */
  readonly isVerifying: boolean
  /** Until it is released, no object is removed whose row is there now. */
  takeHold(): Promise<StorageHold>
  /** Whether the database names the object at this moment. */
  isNamed(storageKey: string): Promise<boolean>
  readonly clock: Clock
  readonly signal: AbortSignal
  onRows?(table: string, rows: number): void
  /** So many bytes of blobs are done, of so many. */
  onBytes?(done: number, total: number): void
}

export interface BackupReport {
  /** Its file's name in `sets/`. */
  readonly set: string
  readonly tables: number
  readonly rows: number
  readonly blobs: number
  /** Of rows (packed) and blobs together. */
  readonly bytes: number
  /** Those that the destination did not have before. */
  readonly newBlobs: number
  readonly newBytes: number
  readonly seconds: number
}

/**
 * @throws AppError CONFLICT (an object was removed meanwhile: a new backup may do), BLOB_UNKNOWN and UPSTREAM_INVALID (the store does not
 *   hold what its database names), STORAGE_FULL, CANCELLED
 */
export async function makeBackup(o: BackupRequest): Promise<BackupReport> {
  const startedAt = o.clock.now()
  // First of all: what is there at the snapshot stays until the end.
  const hold = await o.takeHold()
  try {
    const rows = await writeRows(o.database, o)
    const counts = await copyBlobs(o, hold, rows)
    const { fingerprint, text } = o.sealKey
    if (text !== undefined) {
      const bytes = new TextEncoder().encode(text)
      await o.destination.put(keyPath(fingerprint), bytes, bytes.byteLength)
    }
    const { name, bytes } = newSet({
      madeAt: isoTime(startedAt),
      version: o.version,
      engine: rows.engine,
      migrations: rows.migrations,
      sealKey: { fingerprint, included: text !== undefined },
      tables: rows.tables,
      serials: rows.serials,
      blobs: { count: counts.blobs, bytes: counts.bytes },
    })
    await o.destination.finish(setPath(name), bytes)
    return {
      set: name,
      tables: rows.tables.length,
      rows: rows.tables.reduce((sum, table) => sum + table.rows, 0),
      blobs: counts.blobs,
      bytes: rows.bytes + counts.bytes,
      newBlobs: counts.newBlobs,
      newBytes: rows.newBytes + counts.newBytes,
      seconds: Math.round(o.clock.now().getTime() - startedAt.getTime()) / 1000,
    }
  } finally {
    await hold.release()
  }
}

async function copyBlobs(o: BackupRequest, hold: StorageHold, { tables }: WrittenRows) {
  const { destination } = o
  const table = tables.find(({ name }) => name === 'blobs')
  if (table === undefined) throw new Error('the database has no table blobs')
  const listed = async function* () {
    for (const portion of table.portions) {
      const bytes = await destination.read(rowsPath(portion.digest))
      yield await rowsIn(destination, table, portion, bytes)
    }
  }
  let total = 0
  for await (const { sizeBytes } of blobsIn(destination, table, listed())) total += sizeBytes
  const counts = { blobs: 0, bytes: 0, newBlobs: 0, newBytes: 0 }
  let done = 0
  await forEachConcurrent(blobsIn(destination, table, listed()), destination.atOnce, async (blob) => {
    hold.check()
    counts.blobs++
    counts.bytes += blob.sizeBytes
    if (await isThere(o, blob)) {
      done += blob.sizeBytes
      o.onBytes?.(done, total)
      return
    }
    await copyBlob(o, blob, (bytes) => {
      done += bytes
      o.onBytes?.(done, total)
    })
    counts.newBlobs++
    counts.newBytes += blob.sizeBytes
  })
  hold.check()
  return counts
}

async function isThere(o: BackupRequest, { digest, sizeBytes }: ListedBlob): Promise<boolean> {
  const path = blobPath(digest)
  if (!(await o.destination.has(path, sizeBytes))) return false
  if (!o.isVerifying) return true
  const what = `${o.destination.title}: ${path}`
  try {
    await drain(checked(await o.destination.open(path), { digest, sizeBytes, what, signal: o.signal }))
    return true
  } catch (error) {
    if (!isAppError(error, 'UPSTREAM_INVALID')) throw error
    return false
  }
}

async function copyBlob(o: BackupRequest, blob: ListedBlob, onBytes: (bytes: number) => void): Promise<void> {
  const { digest, sizeBytes, storageKey } = blob
  let body: ReadableStream<Uint8Array>
  try {
    body = await o.blobs.open(storageKey)
  } catch (error) {
    if (!isAppError(error, 'BLOB_UNKNOWN')) throw error
    throw await missing(o, digest, storageKey)
  }
  const what = `the stored object ${storageKey}`
  const bytes = checked(body, { digest, sizeBytes, what, signal: o.signal, onBytes })
  await o.destination.put(blobPath(digest), bytes, sizeBytes)
}

/** Gone since the snapshot, or never there. */
async function missing(o: BackupRequest, digest: Digest, storageKey: string): Promise<AppError> {
  if (await o.isNamed(storageKey)) {
    return new AppError(
      'BLOB_UNKNOWN',
      `the database names ${digest}, and its object ${storageKey} is not in the blob store: a backup would not be whole`,
    )
  }
  return new AppError('CONFLICT', `${digest} was removed while the backup was made`)
}
