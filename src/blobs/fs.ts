/**
 * Blobs as files:
 *
 *     <root>/database                             the id of the database whose blobs these are
 *     <root>/objects/ab/sha256-abcd…-<suffix>     sealed, read-only
 *     <root>/stages/<id>                          on the way in
 *     <root>/owners/<process>/<id>                the same, where several processes share the root (own-stages.ts)
 *     <root>/stages/<id>.pieces                   which bytes of it are there, when it comes in pieces
 *
 * A stage becomes an object by rename; both directories are on one file system.
 */
import { existsSync, statSync } from 'node:fs'
import { chmod, link, mkdir, opendir, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError, isAppError } from '../errors.ts'
import { randomHex } from '../lib/ids.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import type { BlobStore } from './blob-store.ts'
import { createDirectorySync } from './directory-sync.ts'
import { openStage } from './fs-stage.ts'
import { readWhole, streamFile } from './fs-stream.ts'
import { requireStageId, STAGE_ID, STORAGE_KEY } from './names.ts'
import { openOwnStages, type StageSharing } from './own-stages.ts'
import { createRoom } from './room.ts'

/** Objects up to this size are read and sent as bytes: a file takes Bun more turns (record 54). */
const READ_WHOLE_BYTES = 64 * 1024

/** @param sharing with which other processes use the same root; undefined: this one has it alone */
export async function openFileBlobStore(root: string, sharing?: StageSharing): Promise<FileBlobStore> {
  const stages = join(root, 'stages')
  const objects = join(root, 'objects')
  for (const directory of [root, stages, objects]) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await closeToOthers(directory)
  }
  await makeShelves(objects)
  const syncDirectory = createDirectorySync()
  // Made by whom it may be: all of it survives power loss before the first blob lies in it.
  for (const directory of [objects, root, dirname(root)]) await syncDirectory(directory)
  const takeRoom = createRoom(root)
  const pathOf = (key: string) => {
    const match = STORAGE_KEY.exec(key)
    if (match?.[2] === undefined) throw new Error(`not a storage key: ${key}`)
    return `${objects}/${match[2]}/${key}`
  }
  const home = { takeRoom, pathOf, syncDirectory }
  const own = await openOwnStages({ root, shared: stages, sharing })
  return {
    claim: (id) => claimFile(join(root, DATABASE_FILE), id, syncDirectory),
    openStage: (id) => openStage({ ...home, directory: stages, isTold: true }, id),
    async openOwnStage(id) {
      requireStageId(id)
      return openStage({ ...home, directory: await own.directoryOf(id) }, id)
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
    async open(key, range) {
      const path = pathOf(key)
      return streamFile(path, range).catch((error) => {
        if (isAppError(error, 'BLOB_UNKNOWN')) requireShelf(path)
        throw error
      })
    },
    findBody(key, sizeBytes) {
      const path = pathOf(key)
      if (sizeBytes > 0 && sizeBytes <= READ_WHOLE_BYTES) return readWhole(path, sizeBytes)
      return statSync(path, { throwIfNoEntry: false })?.size === sizeBytes ? Bun.file(path).slice(0) : undefined
    },
    async openBody(key, range, sizeBytes) {
      const path = pathOf(key)
      const file = Bun.file(path)
      if (!(await file.exists())) {
        requireShelf(path)
        throw new AppError('BLOB_UNKNOWN', 'the content is not in the blob store')
      }
      if (sizeBytes !== undefined && file.size !== sizeBytes) {
        throw new AppError('BLOB_UNKNOWN', `the content has ${file.size} bytes in the blob store, want ${sizeBytes}`)
      }
      return file.slice(range?.from ?? 0, range?.to)
    },
    async findSize(key) {
      const path = pathOf(key)
      try {
        return (await stat(path)).size
      } catch (error) {
        if (!isNoEntry(error)) throw error
        requireShelf(path)
        return undefined
      }
    },
    findPath: pathOf,
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

/** Holds the id of the database. */
const DATABASE_FILE = 'database'

/** Of two that claim it at once, one finds what the other has written. */
async function claimFile(path: string, id: string, syncDirectory: (path: string) => Promise<void>): Promise<string> {
  const there = await readFile(path, 'utf8').catch((error) => {
    if (isNoEntry(error)) return undefined
    throw error
  })
  if (there !== undefined) return there.trim()
  const draft = `${path}.${randomHex(8)}`
  try {
    await writeFile(draft, `${id}\n`, { mode: 0o600, flush: true })
    await link(draft, path).catch((error) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
  await syncDirectory(dirname(path))
  return (await readFile(path, 'utf8')).trim()
}

export interface FileBlobStore extends BlobStore {
  /** Lets other processes take over what is half-way. */
  close(): void
}

/**
 * An object is absent from its shelf, which was made at the start. Where that is gone, so is the disk: nothing is known of what it holds.
 * @throws AppError STORAGE_UNAVAILABLE
 */
function requireShelf(path: string): void {
  if (existsSync(dirname(path))) return
  throw new AppError('STORAGE_UNAVAILABLE', 'the blob store does not answer as it should: try again', {
    cause: new Error(`there is no directory ${dirname(path)}: is its disk mounted?`),
  })
}

/** The directories of objects, once for all: made one by one each would let the first blob in it wait for the disk. */
async function makeShelves(objects: string): Promise<void> {
  const there = new Set(await readdir(objects))
  for (let n = 0; n < 256; n++) {
    const shelf = n.toString(16).padStart(2, '0')
    if (!there.has(shelf)) await mkdir(join(objects, shelf), { recursive: true, mode: 0o700 })
  }
}

/** Another owner's directory, or a file system without modes: the data directory above it is what was checked. */
async function closeToOthers(directory: string): Promise<void> {
  if (((await stat(directory)).mode & 0o077) !== 0) await chmod(directory, 0o700).catch(() => {})
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
