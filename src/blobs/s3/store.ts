/**
 * Blobs in a bucket, which any number of servers share:
 *
 *     <prefix>/database                                 the id of the database whose blobs these are
 *     <prefix>/objects/sha256-abcd…-<suffix>            sealed
 *     <prefix>/stages/<id>/<part>                       on the way in (parts.ts)
 *     <prefix>/own/<id>/<process>/<part>                the same, of one process: nobody else writes or removes there
 */
import { AppError, isAppError, messageOf } from '../../errors.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import { randomHex } from '../../lib/ids.ts'
import type { BlobStore } from '../blob-store.ts'
import { requireStageId, STORAGE_KEY } from '../names.ts'
import { countBytes } from '../piece-map.ts'
import { createS3Client, type S3ClientOptions } from './client.ts'
import type { S3Location } from './location.ts'
import { createObjects, type S3Object, type S3Objects } from './objects.ts'
import { arePieces, chainOf, objectPath, type Part, parsePart, rangesOf } from './parts.ts'
import { READ_BYTES, streamObject } from './read.ts'
import { openS3Stage } from './stage.ts'

/** Of an address that a client is sent to; it begins at once. */
const LINK_SECONDS = 300
const DAY_MS = 24 * 60 * 60 * 1000
const OWN_STAGE_MS = 7 * DAY_MS
const COPIES_AT_ONCE = 8
/** Holds the id of the database. */
const DATABASE_OBJECT = 'database'

export interface S3StoreOptions extends S3ClientOptions {
  /** Clients are sent to S3 for what is not small. */
  readonly isRedirecting?: boolean | undefined
}

export function openS3BlobStore(location: S3Location, o: S3StoreOptions = {}): BlobStore & { close(): void } {
  const objects = createObjects(createS3Client(location, o))
  const me = randomHex(8)
  const partsBelow = async (directory: string) => {
    const found: Part[] = []
    for await (const object of objects.list(`${directory}/`)) {
      const part = parsePart(object)
      if (part !== undefined) found.push(part)
    }
    return found
  }

  const store: BlobStore & { close(): void } = {
    async claim(id) {
      const size = await objects.sizeOf(DATABASE_OBJECT)
      if (size === undefined) await objects.put(DATABASE_OBJECT, new TextEncoder().encode(id))
      const bytes = await objects.get(DATABASE_OBJECT, { from: 0, to: size ?? id.length })
      return new TextDecoder().decode(bytes)
    },
    async openStage(id, { isNew = false } = {}) {
      requireStageId(id)
      const directory = `stages/${id}`
      return openS3Stage(objects, { id, directory, listed: isNew ? [] : await partsBelow(directory) })
    },
    async openOwnStage(id) {
      requireStageId(id)
      const directory = `own/${id}/${me}`
      return openS3Stage(objects, { id, directory, listed: await takeOver(objects, { id, me, directory }) })
    },
    async measureStage(id) {
      requireStageId(id)
      const owners = [...(await ownersOf(objects, id)).values()].map(({ parts }) => parts)
      const sizes = [await partsBelow(`stages/${id}`), ...owners].map(bytesOf)
      return sizes.reduce((sum, bytes) => sum + bytes, 0)
    },
    removeAbandoned: (now) => removeAbandoned(objects, now.getTime()),
    async *listStages() {
      for (const room of ['stages', 'own']) yield* stagesIn(objects, room)
    },
    async open(key, range) {
      const to = range?.to ?? (await objects.sizeOf(objectPath(key)))
      if (to === undefined) throw new AppError('BLOB_UNKNOWN', 'the content is not in the blob store')
      return streamObject(objects, objectPath(key), { from: range?.from ?? 0, to })
    },
    async openBody(key, range) {
      if (range === undefined || range.to - range.from > READ_BYTES) return store.open(key, range)
      const bytes = await objects.get(objectPath(key), range)
      if (bytes !== undefined) return bytes
      throw new AppError('BLOB_UNKNOWN', 'the content is not in the blob store')
    },
    findBody: () => undefined,
    findSize: (key) => objects.sizeOf(objectPath(key)),
    async remove(key) {
      await objects.delete(objectPath(key))
    },
    async *listKeys() {
      for await (const { key, modifiedAt } of objects.list('objects/')) {
        const name = key.slice('objects/'.length)
        if (STORAGE_KEY.test(name)) yield { key: name, modifiedAt }
      }
    },
    ...(o.isRedirecting !== true
      ? {}
      : {
          async findLink(key, sizeBytes) {
            if (sizeBytes <= READ_BYTES) return undefined
            return objects.presign(objectPath(key), LINK_SECONDS)
          },
        }),
    close() {},
  }
  return store
}

/** @throws AppError CONFIG_INVALID when the bucket cannot be written, read, listed and cleared, saying what S3 said */
export async function checkBucket(location: S3Location): Promise<void> {
  const objects = createObjects(createS3Client(location, { attempts: 3, timeoutMs: 10_000 }))
  const key = `check/${randomHex(8)}`
  const bytes = new TextEncoder().encode('kagami')
  try {
    await objects.put(key, bytes)
    const got = await objects.get(key, { from: 0, to: bytes.byteLength })
    if (got === undefined || Buffer.compare(got, bytes) !== 0) throw new Error('what was written is not what is read')
    const listed = await Array.fromAsync(objects.list(key))
    if (listed.length !== 1) throw new Error('what was written is not listed')
    await objects.delete(key)
  } catch (error) {
    const where = `s3://${location.bucket}/${location.prefix}`
    throw new AppError(
      'CONFIG_INVALID',
      `KAGAMI_BLOBS: ${where} cannot be used: ${messageOf(isAppError(error, 'STORAGE_UNAVAILABLE') ? error.cause : error)}`,
      { cause: error },
    )
  }
}

const bytesOf = (parts: readonly Part[]) => countBytes(rangesOf(arePieces(parts) ? parts : chainOf(parts)))

interface Owned {
  readonly parts: Part[]
  touchedAt: number
}

async function ownersOf(objects: S3Objects, id: string): Promise<Map<string, Owned>> {
  const owners = new Map<string, Owned>()
  for await (const object of objects.list(`own/${id}/`)) {
    const [owner = ''] = object.key.slice(`own/${id}/`.length).split('/')
    const part = parsePart(object)
    if (part === undefined) continue
    const owned = owners.get(owner) ?? { parts: [], touchedAt: 0 }
    owned.parts.push(part)
    owned.touchedAt = Math.max(owned.touchedAt, object.modifiedAt.getTime())
    owners.set(owner, owned)
  }
  return owners
}

/**
 * The parts of this process' own stage. Where it has none, those of the process that has most are copied at the server: whether that one still lives
 * is of no account, since neither sees the other's copies, and a part never changes.
 */
async function takeOver(
  objects: S3Objects,
  { id, me, directory }: { readonly id: string; readonly me: string; readonly directory: string },
): Promise<readonly Part[]> {
  const owners = await ownersOf(objects, id)
  const mine = owners.get(me)
  if (mine !== undefined) return mine.parts
  let most: Part[] = []
  for (const { parts } of owners.values()) if (bytesOf(parts) > bytesOf(most)) most = parts
  const taken: Part[] = []
  await forEachConcurrent(arePieces(most) ? most : chainOf(most), COPIES_AT_ONCE, async (part) => {
    const key = `${directory}/${part.key.split('/').at(-1)}`
    // Its owner may be sealing or dropping it this moment: what is missing is fetched again.
    const isCopied = await objects.copy(part.key, key).then(
      () => true,
      () => false,
    )
    if (isCopied) taken.push({ ...part, key })
  })
  return taken
}

async function* stagesIn(objects: S3Objects, room: string): AsyncGenerator<{ id: string; modifiedAt: Date }> {
  let last: { id: string; modifiedAt: Date } | undefined
  for await (const { key, modifiedAt } of objects.list(`${room}/`)) {
    const id = key.split('/')[1] ?? ''
    if (last?.id === id) {
      if (modifiedAt > last.modifiedAt) last.modifiedAt = modifiedAt
      continue
    }
    if (last !== undefined) yield last
    last = { id, modifiedAt }
  }
  if (last !== undefined) yield last
}

/** What nobody would ever look for by its name: multipart uploads of killed seals, and halves of downloads that nobody has gone on with. */
async function removeAbandoned(objects: S3Objects, now: number): Promise<void> {
  for await (const upload of objects.multipart.list('objects/')) {
    if (now - upload.begunAt.getTime() > DAY_MS) await objects.multipart.abort(upload)
  }
  let owned: S3Object[] = []
  const directoryOf = ({ key }: S3Object) => key.slice(0, key.lastIndexOf('/'))
  const removeOld = async () => {
    const newest = Math.max(...owned.map(({ modifiedAt }) => modifiedAt.getTime()))
    if (owned.length > 0 && now - newest > OWN_STAGE_MS) for (const { key } of owned) await objects.delete(key)
    owned = []
  }
  for await (const object of objects.list('own/')) {
    const [first] = owned
    if (first !== undefined && directoryOf(first) !== directoryOf(object)) await removeOld()
    owned.push(object)
  }
  await removeOld()
}
