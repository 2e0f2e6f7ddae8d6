/**
 * Blobs as files:
 *
 *     <root>/objects/ab/sha256-abcd…-<suffix>     sealed, read-only
 *     <root>/stages/<id>                          on the way in
 *     <root>/owners/<process>/<id>                the same, where several processes share the root (own-stages.ts)
 *     <root>/stages/<id>.pieces                   which bytes of it are there, when it comes in pieces
 *
 * A stage becomes an object by rename; both directories are on one file system.
 */
import { closeSync, constants, fsyncSync, openSync } from 'node:fs'
import { chmod, copyFile, link, mkdir, open, opendir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError, isCancelled } from '../errors.ts'
import type { AppendOptions, BlobStore, Stage } from './blob-store.ts'
import { openPieces, type PieceFile, startPieces } from './fs-pieces.ts'
import { streamFile } from './fs-stream.ts'
import { openOwnStages, type StageSharing } from './own-stages.ts'
import { countBytes } from './piece-map.ts'
import { createRoom, storageFull, type TakeRoom } from './room.ts'

/** A piece is made durable so often: more than this is never fetched again after a crash. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024

const STAGE_ID = /^[A-Za-z0-9-]{1,200}$/
const KEY = /^(sha256|sha512)-([a-f0-9]{2})[a-f0-9]+-[a-z0-9]+$/

/** @param sharing with which other processes use the same root; undefined: this one has it alone */
export async function openFileBlobStore(root: string, sharing?: StageSharing): Promise<FileBlobStore> {
  const stages = join(root, 'stages')
  const objects = join(root, 'objects')
  for (const directory of [root, stages, objects]) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await closeToOthers(directory)
  }
  const takeRoom = createRoom(root)
  const pathOf = (key: string) => {
    const match = KEY.exec(key)
    if (match?.[2] === undefined) throw new Error(`not a storage key: ${key}`)
    return join(objects, match[2], key)
  }
  const own = await openOwnStages({ root, shared: stages, sharing })
  return {
    openStage: (id) => openStage({ directory: stages, takeRoom, pathOf }, id),
    async openOwnStage(id) {
      requireStageId(id)
      return openStage({ directory: await own.directoryOf(id), takeRoom, pathOf }, id)
    },
    async measureStage(id) {
      requireStageId(id)
      return own.measure(id)
    },
    close: () => own.close(),
    async *listStages() {
      for await (const { name, modifiedAt } of listFiles(stages)) {
        if (STAGE_ID.test(name)) yield { id: name, modifiedAt }
      }
    },
    open: (key, range) => streamFile(pathOf(key), range),
    async openBody(key, range) {
      const file = Bun.file(pathOf(key))
      if (!(await file.exists())) throw new AppError('BLOB_UNKNOWN', 'the content is not in the blob store')
      return file.slice(range?.from ?? 0, range?.to)
    },
    async findSize(key) {
      try {
        return (await stat(pathOf(key))).size
      } catch (error) {
        if (isNoEntry(error)) return undefined
        throw error
      }
    },
    async remove(key) {
      await unlink(pathOf(key)).catch((error) => {
        if (!isNoEntry(error)) throw error
      })
    },
    async *listKeys() {
      for await (const entry of await opendir(objects)) {
        if (!entry.isDirectory()) continue
        for await (const { name, modifiedAt } of listFiles(join(objects, entry.name))) yield { key: name, modifiedAt }
      }
    },
  }
}

export interface FileBlobStore extends BlobStore {
  /** Lets other processes take over what is half-way. */
  close(): void
}

/** Another owner's directory, or a file system without modes: the data directory above it is what was checked. */
async function closeToOthers(directory: string): Promise<void> {
  if (((await stat(directory)).mode & 0o077) !== 0) await chmod(directory, 0o700).catch(() => {})
}

interface StageHome {
  readonly directory: string
  readonly takeRoom: TakeRoom
  pathOf(key: string): string
}

function requireStageId(id: string): void {
  if (!STAGE_ID.test(id)) throw new Error(`not a stage id: ${JSON.stringify(id)}`)
}

async function openStage({ directory, takeRoom, pathOf }: StageHome, id: string): Promise<Stage> {
  requireStageId(id)
  const path = join(directory, id)
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  let size = (await file.stat()).size
  /** Undefined: bytes are appended. */
  let map = await openPieces(path, size)
  let starting: Promise<PieceFile> | undefined
  let isOpen = true
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await map?.close()
    await file.close()
  }
  const truncate = async (sizeBytes: number) => {
    await file.truncate(sizeBytes)
    await file.datasync()
    size = sizeBytes
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
          await writeAll(file, chunk, written)
          written += chunk.byteLength
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
      const start = size
      let written = start
      try {
        for await (const chunk of readUntil(body, o.signal)) {
          if (o.maxBytes !== undefined && written + chunk.byteLength > o.maxBytes) {
            throw new AppError('SIZE_INVALID', `content has more than the ${o.maxBytes} bytes that were announced`)
          }
          await takeRoom(chunk.byteLength)
          o.onChunk?.(chunk)
          await writeAll(file, chunk, written)
          written += chunk.byteLength
        }
      } catch (error) {
        await file.datasync().catch(() => {})
        size = written
        throw asStorageError(error)
      }
      await file.datasync().catch((error) => {
        throw asStorageError(error)
      })
      size = written
      return size
    },
    truncate,
    read: () => lazyStream(() => streamFile(path, { from: 0, to: map?.ranges.at(-1)?.to ?? size })),
    async sealKeeping(key) {
      const target = pathOf(key)
      await file.datasync()
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await link(path, target).catch(() => copyDurably(path, target))
      syncDirectory(dirname(target))
    },
    async seal(key) {
      const target = pathOf(key)
      await file.datasync()
      await close()
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await rename(path, target)
      await map?.remove()
      syncDirectory(dirname(target))
      syncDirectory(directory)
    },
    async discard() {
      await close()
      await rm(path, { force: true })
      await map?.remove()
    },
    close,
  }
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

type File = Awaited<ReturnType<typeof open>>

async function writeAll(file: File, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, position + done)
    done += bytesWritten
  }
}

/** Chunks of `body` until it ends or `signal` fires; the body is cancelled when the loop is left early. */
async function* readUntil(body: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  const onAbort = () => void reader.cancel(signal?.reason).catch(() => {})
  signal?.addEventListener('abort', onAbort, { once: true })
  let isDone = false
  try {
    for (;;) {
      if (signal?.aborted) throw new AppError('CANCELLED', 'the transfer was stopped', { cause: signal.reason })
      const { done, value } = await reader.read()
      if (done && !signal?.aborted) {
        isDone = true
        return
      }
      if (value !== undefined) yield value
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!isDone) await reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}

async function* listFiles(directory: string): AsyncGenerator<{ name: string; modifiedAt: Date }> {
  for await (const entry of await opendir(directory)) {
    if (!entry.isFile()) continue
    try {
      yield { name: entry.name, modifiedAt: (await stat(join(directory, entry.name))).mtime }
    } catch (error) {
      if (!isNoEntry(error)) throw error
    }
  }
}

function lazyStream(make: () => Promise<ReadableStream<Uint8Array>>): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  make()
    .then((stream) => stream.pipeTo(writable))
    .catch((error) => writable.abort(error).catch(() => {}))
  return readable
}

/** A rename survives power loss only once its directory is synced. */
function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function isNoEntry(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function asStorageError(error: unknown): unknown {
  if (isCancelled(error) || !(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return storageFull(error)
  }
  return error
}
