/**
 * A tar archive of a layout as a target. Sources give blobs in any order and several at once, an archive takes them in one row: they are
 * gathered in a folder beside it, and packed once all are there. An archive that is there already is carried over, and replaced in one step.
 */
import { type FileHandle, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createDirectorySync } from '../blobs/directory-sync.ts'
import { writeAll } from '../blobs/fs-write.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { takeChunks } from '../lib/chunks.ts'
import { digestFromHash, findDigest, newHash } from '../oci/digest.ts'
import { failing } from './blob-sink.ts'
import { openFolderFiles } from './folder-files.ts'
import { type LayoutTarget, openFolderTarget } from './folder-target.ts'
import { INDEX_PATH, LAYOUT_PATH, type LayoutFiles } from './layout-files.ts'
import { releaseWithFile, tryLock } from './layout-lock.ts'
import { listReachable } from './layout-reach.ts'
import { tarStream } from './tar-entries.ts'
import { findTarFiles } from './tar-files.ts'

const BLOCK_BYTES = 512
/** An archive ends with two empty blocks, and is padded to 20 of them (POSIX ustar). */
const RECORD_BYTES = 20 * BLOCK_BYTES

/** @throws AppError CONFLICT when another process writes it, UPSTREAM_INVALID when what is there is no archive of a layout */
export async function openTarTarget(file: string): Promise<LayoutTarget> {
  const title = `tar:${file}`
  const parts = `${file}.parts`
  const lockPath = join(parts, '.lock', 'lock')
  const mine = tryLock(lockPath)
  if (mine === undefined) throw new AppError('CONFLICT', `${title}: another process is writing it`)
  let isHeld = true
  const release = async (isKept: boolean) => {
    if (!isHeld) return
    isHeld = false
    await base?.close()
    if (!isKept)
      for (const name of await readdir(parts)) if (name !== '.lock') await rm(join(parts, name), { recursive: true })
    releaseWithFile(mine, lockPath)
    // Unless somebody else has begun to write it since, or this one is to be gone on with.
    await rmdir(parts).catch(() => {})
  }
  let base: Awaited<ReturnType<typeof findTarFiles>>
  let staging: LayoutTarget
  try {
    base = await findTarFiles(file)
    // What an earlier process has gathered is good by its digests; what it has published is not in the archive.
    for (const name of [INDEX_PATH, LAYOUT_PATH]) await rm(join(parts, 'layout', name), { force: true })
    staging = await openFolderTarget(join(parts, 'layout'), { title, base })
  } catch (error) {
    await release(true)
    throw error
  }

  return {
    ...staging,
    async finish({ signal } = {}) {
      const own = openFolderFiles(join(parts, 'layout'))
      await staging.close()
      if ((await own.findSize(INDEX_PATH)) !== undefined) await packAll(file, { own, base, title, signal })
      await release(false)
    },
    async close() {
      await staging.close()
      await release(true)
    },
  }
}

/** The same content gives the same bytes, in whatever order it came. */
async function packAll(
  file: string,
  o: {
    readonly own: LayoutFiles
    readonly base: LayoutFiles | undefined
    readonly title: string
    readonly signal: AbortSignal | undefined
  },
): Promise<void> {
  const { own, base, title, signal } = o
  const files: LayoutFiles = {
    title,
    findSize: async (path) => (await own.findSize(path)) ?? (await base?.findSize(path)),
    open: async (path, range) => {
      const from = (await own.findSize(path)) === undefined ? base : own
      if (from === undefined) throw new AppError('UPSTREAM_INVALID', `${title}: ${path} is not there any more`)
      return await from.open(path, range)
    },
    close: async () => {},
  }
  const paths = [LAYOUT_PATH, INDEX_PATH, ...(await listReachable(files))]
  const temporary = `${file}.part`
  const handle = await open(temporary, 'w', 0o666).catch(failing(title))
  try {
    let at = 0
    for (const path of paths) {
      const size = await files.findSize(path)
      if (size !== undefined) at = await packOne(handle, at, { path, size, files, title, signal })
    }
    const end = Math.ceil((at + 2 * BLOCK_BYTES) / RECORD_BYTES) * RECORD_BYTES
    await writeAll(handle, new Uint8Array(end - at), at)
    await handle.sync()
    await handle.close()
    await rename(temporary, file)
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(temporary, { force: true })
    return failing(title)(error)
  }
  await createDirectorySync()(dirname(resolve(file)))
}

/** Header, bytes, padding. @returns where the next goes */
async function packOne(
  handle: FileHandle,
  from: number,
  o: {
    readonly path: string
    readonly size: number
    readonly files: LayoutFiles
    readonly title: string
    readonly signal: AbortSignal | undefined
  },
): Promise<number> {
  const { path, size, files, title } = o
  const header = await headerOf(path, size)
  await writeAll(handle, header, from)
  let at = from + header.byteLength
  const digest = findDigest(path.replace(/^blobs\//, '').replace('/', ':'))
  const algorithm = digest?.startsWith('sha512:') ? 'sha512' : 'sha256'
  const hash = newHash(algorithm)
  const chunks = takeChunks(await files.open(path, { from: 0, to: size }))
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
    if (o.signal?.aborted) throw cancelledBy(o.signal)
    await writeAll(handle, chunk, at)
    hash.update(chunk)
    at += chunk.byteLength
  }
  // What is carried over from an archive was not looked at before.
  const got = digestFromHash(algorithm, hash)
  if (digest !== undefined && got !== digest) {
    throw new AppError('UPSTREAM_INVALID', `${title}: the bytes of ${digest} hash to ${got}`)
  }
  const end = Math.ceil(at / BLOCK_BYTES) * BLOCK_BYTES
  if (end > at) await writeAll(handle, new Uint8Array(end - at), at)
  return end
}

/** By the library that writes archives, which is given the name and the size and none of the bytes. */
async function headerOf(name: string, size: number): Promise<Uint8Array> {
  const pack = tarStream().pack()
  pack.on('error', () => {})
  const sink = pack.entry({ name, size, type: 'file', mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 }, () => {})
  sink.on('error', () => {})
  // It opens, and writes, between two turns.
  const blocks: Uint8Array[] = []
  for (let block = pack.read(); block !== null || blocks.length === 0; block = pack.read()) {
    if (block === null) await new Promise((resolve) => setImmediate(resolve))
    else blocks.push(block as Uint8Array)
  }
  pack.destroy()
  return Buffer.concat(blocks)
}
