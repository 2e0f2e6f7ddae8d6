/** Writes a tar archive of a layout: whole under another name first, durable, then in the place of what was there. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createDirectorySync } from '../blobs/directory-sync.ts'
import { writeAll } from '../blobs/fs-write.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { takeChunks } from '../lib/chunks.ts'
import { digestFromHash, findDigest, newHash } from '../oci/digest.ts'
import { failing } from './blob-sink.ts'
import type { LayoutFiles } from './layout-files.ts'
import { tarStream } from './tar-entries.ts'

const BLOCK_BYTES = 512
/** An archive ends with two empty blocks, and is padded to 20 of them (POSIX ustar). */
const RECORD_BYTES = 20 * BLOCK_BYTES

/**
 * @param paths in the order in which they are written; those that `files` does not have are left out
 * @throws AppError STORAGE_FULL, UPSTREAM_INVALID for a blob that is not what its name says, CANCELLED,
 *   and what `files` throws: then nothing is left
 */
export async function packTar(
  file: string,
  files: LayoutFiles,
  paths: readonly string[],
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { title } = files
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
    if (o.signal?.aborted) {
      await chunks.cancel()
      throw cancelledBy(o.signal)
    }
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
