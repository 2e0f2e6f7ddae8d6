/** How much of a disk blobs may fill: some stays free, so that a database on the same disk can still say what happened. */
import { statfs } from 'node:fs/promises'
import { AppError } from '../errors.ts'

const RESERVED_SHARE = 0.05
const MAX_RESERVED_BYTES = 256 * 1024 * 1024
/** Bytes that are written before the disk is looked at again. */
const LOOK_EVERY_BYTES = 8 * 1024 * 1024

/** Takes room for `bytes` that are about to be written. @throws AppError STORAGE_FULL */
export type TakeRoom = (bytes: number) => Promise<void>

/** @param directory on the disk that is watched; all who write there share one */
export function createRoom(directory: string): TakeRoom {
  let leftBytes = 0
  return async (bytes) => {
    leftBytes -= bytes
    if (leftBytes >= 0) return
    const { bavail, blocks, bsize } = await statfs(directory)
    const reservedBytes = Math.min(MAX_RESERVED_BYTES, blocks * bsize * RESERVED_SHARE)
    const freeBytes = bavail * bsize - reservedBytes - bytes
    // Some network file systems tell no size: they find out by themselves.
    if (freeBytes < 0 && blocks > 0) throw storageFull()
    leftBytes = Math.min(LOOK_EVERY_BYTES, Math.max(freeBytes, 0))
  }
}

/** @param cause what the system said, when it was asked */
export function storageFull(cause?: unknown): AppError {
  return new AppError('STORAGE_FULL', 'the disk that holds the blobs is full', cause === undefined ? {} : { cause })
}
