/** A backup as one tar archive: all of it, written from its beginning to its end, in the place of an earlier one only once it is whole. */
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { failing } from '../layouts/blob-sink.ts'
import { releaseWithFile, tryLock } from '../layouts/layout-lock.ts'
import { openTarPack } from '../layouts/tar-pack.ts'
import { MARK_PATH, MARK_TEXT } from './backup-set.ts'
import type { BackupDestination } from './destination.ts'

/** @throws AppError CONFLICT: another process writes the file */
export async function openTarDestination(file: string): Promise<BackupDestination> {
  const lockPath = join(`${file}.lock`, 'lock')
  const mine = tryLock(lockPath)
  if (mine === undefined) throw new AppError('CONFLICT', `${file}: another process is writing it`)
  const pack = await openTarPack(file, true).catch((error) => {
    releaseWithFile(mine, lockPath)
    return failing(file)(error)
  })
  /** Where small files are; blobs, of which there are many, are never asked for again. */
  const places = new Map<string, { readonly offset: number; readonly sizeBytes: number }>()
  const put: BackupDestination['put'] = async (path, body, sizeBytes) => {
    const bytes =
      body instanceof Uint8Array ? (new Response(body as Uint8Array<ArrayBuffer>).body as ReadableStream) : body
    const offset = await pack.add(path, sizeBytes, bytes).catch(failing(file))
    if (body instanceof Uint8Array) places.set(path, { offset, sizeBytes })
  }
  const mark = new TextEncoder().encode(MARK_TEXT)
  await put(MARK_PATH, mark, mark.byteLength)
  return {
    title: file,
    atOnce: 1,
    has: async (path, sizeBytes) => places.get(path)?.sizeBytes === sizeBytes,
    async read(path) {
      const place = places.get(path)
      if (place === undefined) throw new Error(`${path} was not written to ${file}`)
      return pack.read(place.offset, place.sizeBytes)
    },
    open: async (path) => {
      throw new Error(`${path} of ${file} is not read again`)
    },
    put,
    async finish(path, bytes) {
      await put(path, bytes, bytes.byteLength)
      await pack.finish().catch(failing(file))
    },
    list: async () => [],
    remove: async () => {},
    async close() {
      await pack.abandon()
      releaseWithFile(mine, lockPath)
    },
  }
}
