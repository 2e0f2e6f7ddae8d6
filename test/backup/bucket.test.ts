// Backups in a bucket of a real S3 server: whole, incremental, one at a time, and restored to what never saw the folder.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { takeBucketLock } from '../../src/backup/bucket-lock.ts'
import type { S3Location } from '../../src/blobs/s3/location.ts'
import type { S3Objects } from '../../src/blobs/s3/objects.ts'
import { imagesLayout } from '../e2e/small-layout.ts'
import { backUpTo, locationOf, locationOfServer, restoreFrom } from '../support/backups.ts'
import { compareMirror } from '../support/compare.ts'
import { temporaryDirectory } from '../support/process.ts'
import { pushLayout } from '../support/push-layout.ts'
import { haveS3, objectsOf, s3Environment, s3Server } from '../support/s3-server.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

/** Layers of more than a part. */
const layout = imagesLayout({ images: 1, layers: 2, layerBytes: 9 * 1024 * 1024, signed: true })

describe.skipIf(!haveS3)('backups in a bucket', () => {
  const directory = temporaryDirectory('bucket-backups')
  let source: WholeServer
  let fresh: (change?: Partial<S3Location>) => S3Location
  let made = 0
  const place = (location: S3Location) => {
    const { KAGAMI_BLOBS = '', ...env } = s3Environment(location)
    return { url: KAGAMI_BLOBS, env, objects: objectsOf(location) }
  }
  const keysOf = async (objects: S3Objects, prefix = '') => {
    const keys: string[] = []
    for await (const { key } of objects.list(prefix)) keys.push(key)
    return keys
  }
  const there = () => locationOf(join(directory.path, `data-${++made}`))

  beforeAll(async () => {
    fresh = (await s3Server()).freshLocation
    source = await startWholeServer()
    await source.call('POST', '/organizations', { login: OWNER, body: { name: 'acme' } })
    await pushLayout(layout, source.url, 'acme/app', { credentials: OWNER })
  })
  afterAll(async () => {
    await source?.stop()
    directory.remove()
  })

  test('the second writes no blob, the newest stays by --keep, and a restore has all of it', async () => {
    const { url, env, objects } = place(fresh())
    const first = await backUpTo(locationOfServer(source), url, { env })
    expect(first).toMatchObject({ newBlobs: first.blobs, newBytes: first.bytes })
    const second = await backUpTo(locationOfServer(source), url, { env, keep: 1, isVerifying: true })
    expect(second).toMatchObject({ newBlobs: 0, blobs: first.blobs })
    expect(await keysOf(objects, 'sets/')).toEqual([`sets/${second.set}`])
    expect(await keysOf(objects, 'locks/')).toEqual([])
    const location = there()
    const restored = await restoreFrom(location, url, { env })
    expect(restored).toMatchObject({ set: second.set, blobs: second.blobs, rows: second.rows })
    const server = await startWholeServer({ directory: location.directory })
    try {
      const target = { url: server.url, repository: 'acme/app', credentials: OWNER }
      expect(await compareMirror(layout, target, { fallbackTags: 'tags' })).toEqual([])
    } finally {
      await server.stop()
    }
  })

  test('a blob that is damaged there is refused by a restore, and mended by --verify', async () => {
    const { url, env, objects } = place(fresh())
    const { blobs } = await backUpTo(locationOfServer(source), url, { env })
    const [digest = ''] = layout.blobs.keys()
    const key = `blobs/${digest.replace(':', '/')}`
    const size = (await objects.sizeOf(key)) ?? 0
    await objects.put(key, new Uint8Array(size))
    await expect(restoreFrom(there(), url, { env })).rejects.toThrow('hash to')
    const mended = await backUpTo(locationOfServer(source), url, { env, isVerifying: true })
    expect(mended).toMatchObject({ newBlobs: 1, blobs })
    await expect(restoreFrom(there(), url, { env })).resolves.toMatchObject({ blobs })
    await objects.delete(key)
    await expect(restoreFrom(there(), url, { env })).rejects.toThrow(digest.slice(7, 20))
  })

  test('a prefix with other things is refused, and nothing is left in it', async () => {
    const { url, env, objects } = place(fresh())
    await objects.put('objects/theirs', new Uint8Array(3))
    const refused = backUpTo(locationOfServer(source), url, { env })
    await expect(refused).rejects.toThrow('has other things in it (objects/theirs)')
    expect(await keysOf(objects)).toEqual(['objects/theirs'])
    await expect(restoreFrom(there(), url, { env })).rejects.toThrow('it is no backup')
  })

  test('what S3 says is told: wrong keys, a bucket that is not there, an address that is none', async () => {
    const { url, env } = place(fresh())
    const wrong = { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' }
    await expect(backUpTo(locationOfServer(source), url, { env: wrong })).rejects.toThrow('403')
    const absent = place(fresh({ bucket: 'not-there' }))
    await expect(backUpTo(locationOfServer(source), absent.url, { env })).rejects.toThrow('NoSuchBucket')
    const none = backUpTo(locationOfServer(source), 's3://user:secret@bucket', { env })
    await expect(none).rejects.toThrow('"s3://…@bucket": want s3://BUCKET/PREFIX')
    const half = backUpTo(locationOfServer(source), url, { env: { AWS_ACCESS_KEY_ID: 'id' } })
    await expect(half).rejects.toThrow('AWS_SECRET_ACCESS_KEY is not set')
  })

  test('one process writes at a time; one that was killed is waited for, and one that slept finds out', async () => {
    const { url, env, objects } = place(fresh())
    const lock = await takeBucketLock(objects, 'the bucket')
    await expect(backUpTo(locationOfServer(source), url, { env })).rejects.toThrow('another process is writing')
    await lock.require()
    // The clock of the bucket, ten minutes on.
    const [first] = await keysOf(objects, 'locks/')
    const aged: S3Objects = {
      ...objects,
      async *list(prefix) {
        for await (const { modifiedAt, ...one } of objects.list(prefix)) {
          yield { ...one, modifiedAt: new Date(modifiedAt.getTime() - (one.key === first ? 11 * 60_000 : 0)) }
        }
      },
    }
    const later = await takeBucketLock(aged, 'the bucket')
    await expect(lock.require()).rejects.toThrow('another process has begun')
    await later.require()
    await later.release()
    await expect(backUpTo(locationOfServer(source), url, { env })).resolves.toMatchObject({ blobs: expect.anything() })
    await lock.release()
  })
})
