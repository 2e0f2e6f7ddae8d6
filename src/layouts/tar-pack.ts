/** Writes a tar archive of a layout: whole under another name first, durable, then in the place of what was there. */
import { open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createDirectorySync } from '../blobs/directory-sync.ts'
import { writeAll } from '../blobs/fs-write.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { streamOf, takeChunks } from '../lib/chunks.ts'
import { digestFromHash, findDigest, newHash } from '../oci/digest.ts'
import { failing } from './blob-sink.ts'
import type { LayoutFiles } from './layout-files.ts'
import { tarStream } from './tar-entries.ts'

const BLOCK_BYTES = 512
/** An archive ends with two empty blocks, and is padded to 20 of them (POSIX ustar). */
const RECORD_BYTES = 20 * BLOCK_BYTES

export interface TarPack {
  /** Adds a file at the end. @param body of exactly `size` bytes @returns where its bytes are in the archive */
  add(path: string, size: number, body: ReadableStream<Uint8Array>): Promise<number>
  /** Bytes that were added. */
  read(offset: number, size: number): Promise<Uint8Array>
  /** Ends the archive, and puts it durably in the place of what was there. */
  finish(): Promise<void>
  /** Nothing is left of it; nothing happens when it is finished. */
  abandon(): Promise<void>
}

/** @param isPrivate to the user whose process this is: the archive, and what is unpacked of it */
export async function openTarPack(file: string, isPrivate: boolean): Promise<TarPack> {
  const temporary = `${file}.part`
  await rm(temporary, { force: true })
  const handle = await open(temporary, 'wx+', isPrivate ? 0o600 : 0o666)
  let at = 0
  let isOpen = true
  let isFinished = false
  return {
    async add(path, size, body) {
      const header = await headerOf(path, size, isPrivate ? 0o600 : 0o644)
      await writeAll(handle, header, at)
      const start = at + header.byteLength
      at = start
      const chunks = takeChunks(body)
      for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
        await writeAll(handle, chunk, at)
        at += chunk.byteLength
      }
      if (at - start !== size) throw new AppError('SIZE_INVALID', `${path} has ${at - start} bytes, want ${size}`)
      const end = Math.ceil(at / BLOCK_BYTES) * BLOCK_BYTES
      if (end > at) await writeAll(handle, new Uint8Array(end - at), at)
      at = end
      return start
    },
    async read(offset, size) {
      const bytes = new Uint8Array(size)
      for (let done = 0; done < size; ) {
        const { bytesRead } = await handle.read(bytes, done, size - done, offset + done)
        if (bytesRead === 0) throw new Error(`${temporary} ends at byte ${offset + done}`)
        done += bytesRead
      }
      return bytes
    },
    async finish() {
      const end = Math.ceil((at + 2 * BLOCK_BYTES) / RECORD_BYTES) * RECORD_BYTES
      await writeAll(handle, new Uint8Array(end - at), at)
      await handle.sync()
      isOpen = false
      await handle.close()
      await rename(temporary, file)
      isFinished = true
      await createDirectorySync()(dirname(resolve(file)))
    },
    async abandon() {
      if (isFinished) return
      if (isOpen) await handle.close().catch(() => {})
      isOpen = false
      await rm(temporary, { force: true })
    },
  }
}

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
  const pack = await openTarPack(file, false).catch(failing(title))
  try {
    for (const path of paths) {
      const size = await files.findSize(path)
      if (size === undefined) continue
      await pack.add(path, size, hashed(await files.open(path, { from: 0, to: size }), { path, title, signal }))
    }
    await pack.finish()
  } catch (error) {
    await pack.abandon()
    return failing(title)(error)
  }
}

/** What is carried over from an archive was not looked at before. */
function hashed(
  body: ReadableStream<Uint8Array>,
  o: { readonly path: string; readonly title: string; readonly signal: AbortSignal | undefined },
): ReadableStream<Uint8Array> {
  const digest = findDigest(o.path.replace(/^blobs\//, '').replace('/', ':'))
  const algorithm = digest?.startsWith('sha512:') ? 'sha512' : 'sha256'
  const hash = newHash(algorithm)
  const chunks = takeChunks(body)
  return streamOf({
    async next() {
      if (o.signal?.aborted) {
        await chunks.cancel()
        throw cancelledBy(o.signal)
      }
      const chunk = await chunks.next()
      if (chunk !== undefined) {
        hash.update(chunk)
        return chunk
      }
      const got = digestFromHash(algorithm, hash)
      if (digest !== undefined && got !== digest) {
        throw new AppError('UPSTREAM_INVALID', `${o.title}: the bytes of ${digest} hash to ${got}`)
      }
      return undefined
    },
    cancel: (reason) => chunks.cancel(reason),
  })
}

/** By the library that writes archives, which is given the name and the size and none of the bytes. */
async function headerOf(name: string, size: number, mode: number): Promise<Uint8Array> {
  const pack = tarStream().pack()
  pack.on('error', () => {})
  const sink = pack.entry({ name, size, type: 'file', mode, mtime: new Date(0), uid: 0, gid: 0 }, () => {})
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
