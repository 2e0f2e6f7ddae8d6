/** Backups in a folder: files by digest, which later backups use too. Closed to other users. */
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createDirectorySync } from '../blobs/directory-sync.ts'
import { streamFile } from '../blobs/fs-stream.ts'
import { writeAll } from '../blobs/fs-write.ts'
import { AppError } from '../errors.ts'
import { failing } from '../layouts/blob-sink.ts'
import { releaseWithFile, tryLock } from '../layouts/layout-lock.ts'
import { takeChunks } from '../lib/chunks.ts'
import { randomHex } from '../lib/ids.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import { MARK_PATH, MARK_TEXT } from './backup-set.ts'
import type { BackupDestination } from './destination.ts'

const AT_ONCE = 4
const PART_FOLDER = '.part'

/** @throws AppError CONFLICT: it has other things in it, or another process writes there */
export async function openFolderDestination(folder: string): Promise<BackupDestination> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(failing(folder))
  await refuseOthers(folder)
  const lockPath = join(folder, '.lock', 'lock')
  const mine = tryLock(lockPath)
  if (mine === undefined) throw new AppError('CONFLICT', `${folder}: another process is writing a backup there`)
  const part = join(folder, PART_FOLDER)
  const syncDirectory = createDirectorySync()
  /** Whose entries are not durable yet. */
  const changed = new Set<string>([folder])

  async function put(path: string, body: Uint8Array | ReadableStream<Uint8Array>): Promise<void> {
    const target = join(folder, path)
    const temporary = join(part, randomHex(8))
    const directory = dirname(target)
    if (!changed.has(directory)) await mkdir(directory, { recursive: true, mode: 0o700 })
    for (let up = directory; up.length > folder.length; up = dirname(up)) changed.add(up)
    const handle = await open(temporary, 'wx', 0o600)
    try {
      let at = 0
      if (body instanceof Uint8Array) await writeAll(handle, body, 0)
      else {
        const chunks = takeChunks(body)
        for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
          await writeAll(handle, chunk, at)
          at += chunk.byteLength
        }
      }
      await handle.datasync()
      await handle.close()
      await rename(temporary, target)
    } catch (error) {
      await handle.close().catch(() => {})
      await rm(temporary, { force: true })
      throw error
    }
  }

  try {
    // What an earlier process has left of files that it was writing.
    await rm(part, { recursive: true, force: true })
    await mkdir(part, { mode: 0o700 })
    if ((await sizeOf(join(folder, MARK_PATH))) === undefined) {
      await writeFile(join(folder, MARK_PATH), MARK_TEXT, { mode: 0o600 })
    }
  } catch (error) {
    releaseWithFile(mine, lockPath)
    return failing(folder)(error)
  }
  return {
    title: folder,
    atOnce: AT_ONCE,
    has: async (path, sizeBytes) => (await sizeOf(join(folder, path))) === sizeBytes,
    read: async (path) => await readFile(join(folder, path)),
    open: (path) => streamFile(join(folder, path)),
    put: (path, body) => put(path, body).catch(failing(folder)),
    async finish(path, bytes) {
      for (const directory of changed) await syncDirectory(directory)
      await put(path, bytes).catch(failing(folder))
      await syncDirectory(dirname(join(folder, path)))
      await syncDirectory(folder)
    },
    async list(name) {
      try {
        return await readdir(join(folder, name))
      } catch (error) {
        if (isNoEntry(error)) return []
        throw error
      }
    },
    remove: (path) => rm(join(folder, path), { force: true }),
    async close() {
      await rm(part, { recursive: true, force: true })
      releaseWithFile(mine, lockPath)
    },
  }
}

/** An empty folder, or one that has backups. */
async function refuseOthers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(failing(folder))
  const others = names.filter((name) => name !== '.lock' && name !== PART_FOLDER && name !== 'lost+found')
  if (others.length === 0 || others.includes(MARK_PATH)) return
  throw new AppError(
    'CONFLICT',
    `${folder} has other things in it (${others.slice(0, 3).join(', ')}): want an empty folder, a new one, or one of backups`,
  )
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : undefined
  } catch (error) {
    if (isNoEntry(error)) return undefined
    throw error
  }
}
