/** Backups in an S3 bucket: files by digest below one prefix, as in a folder, which later backups use too. */
import type { S3Location } from '../blobs/s3/location.ts'
import { partEnd } from '../blobs/s3/memory.ts'
import type { S3Objects } from '../blobs/s3/objects.ts'
import { streamObject } from '../blobs/s3/read.ts'
import { AppError } from '../errors.ts'
import { takeChunks } from '../lib/chunks.ts'
import { MARK_PATH, MARK_TEXT } from './backup-set.ts'
import { namesIn, openBucket } from './bucket.ts'
import { type BucketLock, isLock, takeBucketLock } from './bucket-lock.ts'
import type { BackupDestination } from './destination.ts'

const AT_ONCE = 4
const NAMES_TOLD = 3
/** Where files are that go up in parts. */
const LARGE = ['blobs/', 'rows/'] as const

/** @throws AppError CONFLICT: it has other things in it, or another process writes there; STORAGE_UNAVAILABLE: what S3 said */
export async function openBucketDestination(location: S3Location, title: string): Promise<BackupDestination> {
  const objects = openBucket(location, title)
  await refuseOthers(objects, title)
  const lock = await takeBucketLock(objects, title)
  try {
    // Of backups that were killed: nobody else writes there now.
    for (const folder of LARGE) {
      for await (const upload of objects.multipart.list(folder)) await objects.multipart.abort(upload)
    }
    if ((await objects.sizeOf(MARK_PATH)) === undefined) {
      await objects.put(MARK_PATH, new TextEncoder().encode(MARK_TEXT))
    }
    return destinationOf(objects, title, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

function destinationOf(objects: S3Objects, title: string, lock: BucketLock): BackupDestination {
  /** Asked for once: a backup has as many questions as blobs. */
  let listed: Promise<Map<string, number>> | undefined
  const sizes = async () => {
    listed ??= sizesOf(objects)
    return await listed
  }
  async function put(path: string, body: Uint8Array | ReadableStream<Uint8Array>, sizeBytes: number): Promise<void> {
    if (sizeBytes <= partEnd(0)) await objects.put(path, body instanceof Uint8Array ? body : await bytesOf(body))
    else await putInParts(objects, path, { body, sizeBytes })
    ;(await sizes()).set(path, sizeBytes)
  }
  async function open(path: string): Promise<ReadableStream<Uint8Array>> {
    const size = await objects.sizeOf(path)
    if (size === undefined) throw new AppError('NOT_FOUND', `${title}: ${path} is not there`)
    return await streamObject(objects, path, { from: 0, to: size })
  }
  return {
    title,
    atOnce: AT_ONCE,
    has: async (path, sizeBytes) => (await sizes()).get(path) === sizeBytes,
    read: async (path) => bytesOf(await open(path)),
    open,
    put,
    async finish(path, bytes) {
      await lock.require()
      await put(path, bytes, bytes.byteLength)
    },
    list: (folder) => namesIn(objects, folder),
    async remove(path) {
      await lock.require()
      await objects.delete(path)
    },
    close: () => lock.release(),
  }
}

async function sizesOf(objects: S3Objects): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for await (const { key, sizeBytes } of objects.list('')) sizes.set(key, sizeBytes)
  return sizes
}

const bytesOf = (body: ReadableStream<Uint8Array>): Promise<Uint8Array> => new Response(body).bytes()

/** Parts of one size, as some servers want them; it is there only once all of them are. */
async function putInParts(
  objects: S3Objects,
  key: string,
  o: { readonly body: Uint8Array | ReadableStream<Uint8Array>; readonly sizeBytes: number },
): Promise<void> {
  const { multipart } = objects
  const upload = { key, id: await multipart.begin(key) }
  const chunks = takeChunks(o.body instanceof Uint8Array ? new Blob([o.body.slice()]).stream() : o.body)
  const etags: string[] = []
  let rest: Uint8Array = new Uint8Array()
  try {
    for (let from = 0; from < o.sizeBytes; ) {
      const part = new Uint8Array(Math.min(partEnd(from), o.sizeBytes) - from)
      for (let filled = 0; filled < part.byteLength; ) {
        if (rest.byteLength === 0) {
          const chunk = await chunks.next()
          if (chunk === undefined) throw new AppError('UPSTREAM_INVALID', `${key} ended at byte ${from + filled}`)
          rest = chunk
        }
        const taken = rest.subarray(0, part.byteLength - filled)
        part.set(taken, filled)
        filled += taken.byteLength
        rest = rest.subarray(taken.byteLength)
      }
      etags.push(await multipart.put(upload, etags.length + 1, part))
      from += part.byteLength
    }
    // Whoever checks the bytes finds out at their end.
    if ((await chunks.next()) !== undefined)
      throw new AppError('UPSTREAM_INVALID', `${key} has more bytes than it says`)
    await multipart.complete(upload, etags)
  } catch (error) {
    await chunks.cancel().catch(() => {})
    await multipart.abort(upload).catch(() => {})
    throw error
  }
  const got = await objects.sizeOf(key)
  if (got === o.sizeBytes) return
  throw new AppError('STORAGE_UNAVAILABLE', `the bucket made ${got ?? 'nothing'} of ${o.sizeBytes} bytes of ${key}`)
}

/** An empty prefix, or one that has backups. */
async function refuseOthers(objects: S3Objects, title: string): Promise<void> {
  if ((await objects.sizeOf(MARK_PATH)) !== undefined) return
  const others: string[] = []
  for await (const { key } of objects.list('')) {
    if (!isLock(key)) others.push(key)
    if (others.length === NAMES_TOLD) break
  }
  if (others.length === 0) return
  throw new AppError(
    'CONFLICT',
    `${title} has other things in it (${others.join(', ')}): want an empty prefix, or one of backups`,
  )
}
