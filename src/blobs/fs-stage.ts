/** A stage as a file: appended to, or written in pieces; sealed by rename. */
import { constants, fstatSync } from 'node:fs'
import { copyFile, link, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError, isCancelled } from '../errors.ts'
import { giveBack } from '../lib/chunks.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import type { AppendOptions, Stage } from './blob-store.ts'
import type { SyncDirectory } from './directory-sync.ts'
import { openPieces, type PieceFile, startPieces } from './fs-pieces.ts'
import { streamFile } from './fs-stream.ts'
import { createStageWriter, writeAll } from './fs-write.ts'
import { requireStageId } from './names.ts'
import { countBytes } from './piece-map.ts'
import { readUntil } from './read-until.ts'
import { storageFull, type TakeRoom } from './room.ts'

/** A piece is made durable so often: more than this is never fetched again after a crash. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024

/** Where a stage lies, and where it goes. */
export interface StageHome {
  readonly directory: string
  readonly takeRoom: TakeRoom
  readonly syncDirectory: SyncDirectory
  /** Somebody is told of the first bytes already: the stage's name survives power loss with them. Otherwise it may begin anew. */
  readonly isTold?: boolean
  pathOf(key: string): string
}

export async function openStage(home: StageHome, id: string): Promise<Stage> {
  const { directory, takeRoom, pathOf, syncDirectory, isTold = false } = home
  requireStageId(id)
  const path = join(directory, id)
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  let size = fstatSync(file.fd).size
  /** Undefined: bytes are appended. */
  let map = size === 0 ? undefined : await openPieces(path, size)
  let starting: Promise<PieceFile> | undefined
  let isOpen = true
  /** Bytes were written since the file was last made durable; those of an earlier process may not be. */
  let isDirty = size > 0
  /** Bytes that were told before were so after the name. */
  let isNamed = !isTold || size > 0
  /** What an earlier process wrote is as old as that; an object is as old as its seal, by which lost ones are told. */
  const renew = size > 0 ? () => file.utimes(new Date(), new Date()) : async () => {}
  /** Less than its size only between an append that leaves it to the seal, and that seal. */
  let durableTo = size
  const datasync = async (toBytes = size) => {
    if (isDirty) {
      isDirty = false
      await file.datasync().catch((error) => {
        isDirty = true
        throw error
      })
    }
    durableTo = toBytes
  }
  /** Bytes and name. */
  const keep = async (toBytes: number) => {
    const naming = isNamed ? undefined : syncDirectory(directory)
    // Both wait for the disk at once; a failure of one leaves the other to end.
    const [named, kept] = await Promise.allSettled([naming, datasync(toBytes)])
    if (kept.status === 'rejected') throw kept.reason
    if (named.status === 'rejected') throw named.reason
    isNamed = true
  }
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await map?.close()
    await file.close()
  }
  const truncate = async (sizeBytes: number) => {
    await file.truncate(sizeBytes)
    await file.datasync()
    isDirty = false
    size = sizeBytes
    durableTo = sizeBytes
    isNamed &&= !isTold || sizeBytes > 0
    // The file first: a map without its bytes claims nothing, bytes without their map would claim too much.
    await map?.remove()
    map = undefined
    starting = undefined
  }
  return {
    id,
    get sizeBytes() {
      return map === undefined ? size : countBytes(map.ranges)
    },
    get isInPieces() {
      return map !== undefined
    },
    get pieces() {
      return map?.ranges ?? (size === 0 ? [] : [{ from: 0, to: size }])
    },
    async writePiece(offset, body, o = {}) {
      // Several begin at once, and one map is for all of them.
      if (map === undefined) {
        starting ??= startPieces(path, size)
        map = await starting
      }
      const record = map.record
      let synced = offset
      let written = offset
      const sync = async () => {
        if (written === synced) return
        const piece = { from: synced, to: written }
        await file.datasync()
        await record(piece)
        synced = piece.to
      }
      try {
        for await (const chunk of readUntil(body, o.signal)) {
          if (o.maxBytes !== undefined && written + chunk.byteLength > o.maxBytes) {
            throw new AppError('SIZE_INVALID', `content goes beyond the ${o.maxBytes} bytes that were announced`)
          }
          await takeRoom(chunk.byteLength)
          isDirty = true
          await writeAll(file, chunk, written)
          written += chunk.byteLength
          if (o.ownsChunks) giveBack(chunk)
          if (written - synced >= SYNC_EVERY_BYTES) await sync()
        }
      } catch (error) {
        await sync().catch(() => {})
        throw asStorageError(error)
      }
      await sync().catch((error) => {
        throw asStorageError(error)
      })
    },
    async append(body, o: AppendOptions = {}) {
      if (map !== undefined) throw new Error('the stage comes in pieces')
      const writer = createStageWriter(file, size, takeRoom)
      isDirty = true
      let last: Uint8Array | undefined
      try {
        for await (const chunk of readUntil(body, o.signal)) {
          if (o.maxBytes !== undefined && writer.takenTo + chunk.byteLength > o.maxBytes) {
            throw new AppError('SIZE_INVALID', `content has more than the ${o.maxBytes} bytes that were announced`)
          }
          // Afterwards the one before is written.
          await writer.write(chunk)
          if (o.ownsChunks && last !== undefined) giveBack(last)
          last = chunk
          // The threads that write are at work meanwhile.
          o.onChunk?.(chunk)
        }
        await writer.settle()
        if (o.ownsChunks && last !== undefined) giveBack(last)
      } catch (error) {
        await writer.settle().catch(() => {})
        await keep(writer.writtenTo).catch(() => {})
        size = writer.writtenTo
        throw asStorageError(error)
      }
      if (o.isSealedNext !== true) {
        await keep(writer.writtenTo).catch((error) => {
          throw asStorageError(error)
        })
      }
      size = writer.writtenTo
      return size
    },
    truncate,
    read: () => lazyStream(() => streamFile(path, { from: 0, to: map?.ranges.at(-1)?.to ?? size })),
    async sealKeeping(key) {
      const target = pathOf(key)
      await renew()
      const name = async () => {
        await onShelf(target, syncDirectory, () => linkOrCopy(path, target))
        await syncDirectory(dirname(target))
      }
      // Nothing refers to the name yet, so that it may be there before its bytes are: both wait for the disk at once.
      const [named, kept] = await Promise.allSettled([name(), datasync()])
      if (kept.status === 'rejected') {
        size = durableTo
        throw asStorageError(kept.reason)
      }
      if (named.status === 'rejected') throw named.reason
    },
    async seal(key) {
      const target = pathOf(key)
      await renew()
      await datasync()
      await close()
      await onShelf(target, syncDirectory, () => rename(path, target))
      await map?.remove()
      await Promise.all([syncDirectory(dirname(target)), syncDirectory(directory)])
    },
    async discard() {
      await close()
      await unlink(path).catch((error) => {
        if (!isNoEntry(error)) throw error
      })
      await map?.remove()
    },
    close,
  }
}

/** The directories of objects are made when the store is opened; one that somebody has removed since is made again. */
async function onShelf(target: string, syncDirectory: SyncDirectory, put: () => Promise<void>): Promise<void> {
  await put().catch(async (error) => {
    if (!isNoEntry(error)) throw error
    await makeShelf(dirname(target), syncDirectory)
    await put()
  })
}

async function linkOrCopy(path: string, target: string): Promise<void> {
  await link(path, target).catch((error) => {
    if (isNoEntry(error)) throw error
    return copyDurably(path, target)
  })
}

/** Where the file system has no hard links. */
async function copyDurably(path: string, target: string): Promise<void> {
  await copyFile(path, target, constants.COPYFILE_EXCL)
  const copy = await open(target, constants.O_RDWR)
  try {
    await copy.datasync()
  } finally {
    await copy.close()
  }
}

function lazyStream(make: () => Promise<ReadableStream<Uint8Array>>): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  make()
    .then((stream) => stream.pipeTo(writable))
    .catch((error) => writable.abort(error).catch(() => {}))
  return readable
}

/** The directory of some objects, which survives power loss too. */
async function makeShelf(path: string, syncDirectory: SyncDirectory): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 })
  if (made !== undefined) await syncDirectory(dirname(path))
}

function asStorageError(error: unknown): unknown {
  if (isCancelled(error) || !(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return storageFull(error)
  }
  return error
}
