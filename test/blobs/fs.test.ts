import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { type BlobStore, newStorageKey } from '../../src/blobs/blob-store.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { testBlobStore } from '../suites/blob-store.ts'
import { temporaryDirectory } from '../support/process.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const text = (value: string) => new Response(value).body as ReadableStream<Uint8Array>
const read = async (stream: ReadableStream<Uint8Array>) => new Response(stream).text()
const key = (value: string) => newStorageKey(digestOf(value))

describe('blobs as files', () => {
  testBlobStore(async () => {
    const directory = temporaryDirectory('blobs')
    return { store: await openFileBlobStore(directory.path), remove: directory.remove }
  })
})

describe('files', () => {
  const directory = temporaryDirectory('blobs')
  let store: BlobStore
  beforeAll(async () => {
    store = await openFileBlobStore(directory.path)
  })
  afterAll(() => directory.remove())

  test('the directories of objects are there from the start; one that somebody has removed is made again', async () => {
    expect(readdirSync(`${directory.path}/objects`)).toHaveLength(256)
    for (const kept of [true, false]) {
      const bytes = `shelf ${kept}`
      const stage = await store.openStage('shelf')
      await stage.append(text(bytes), { isSealedNext: kept })
      const name = key(bytes)
      rmdirSync(`${directory.path}/objects/${name.slice('sha256-'.length).slice(0, 2)}`)
      if (kept) await stage.sealKeeping(name)
      else await stage.seal(name)
      expect(await read(await store.open(name))).toBe(bytes)
      if (kept) await stage.discard()
      await store.remove(name)
    }
    expect(await Array.fromAsync(store.listStages())).toEqual([])
  })

  test('an object is missing only where its shelf is there: a disk that is gone says nothing of what it holds', async () => {
    const name = key('on a disk that goes')
    const away = { code: 'STORAGE_UNAVAILABLE' }
    expect(await store.findSize(name)).toBeUndefined()
    const shelf = `${directory.path}/objects/${name.slice('sha256-'.length).slice(0, 2)}`
    rmdirSync(shelf)
    await expect(store.findSize(name)).rejects.toMatchObject(away)
    await expect(store.open(name)).rejects.toMatchObject(away)
    await expect(store.openBody(name)).rejects.toMatchObject(away)
    mkdirSync(shelf)
    expect(await store.findSize(name)).toBeUndefined()
    await expect(store.open(name)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
  })

  test('a large stage that is flushed on its way holds what was hashed, chunk by chunk', async () => {
    const stage = await store.openStage('large')
    const chunks = Array.from({ length: 90 }, (_, n) => new Uint8Array(1_000_003).fill(n))
    const seen: number[] = []
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    })
    const size = await stage.append(source, { onChunk: (chunk) => seen.push(chunk[0] ?? -1) })
    expect(size).toBe(90 * 1_000_003)
    expect(seen).toEqual(chunks.map((_, n) => n))
    const [kept, sent] = [new Bun.CryptoHasher('sha256'), new Bun.CryptoHasher('sha256')]
    for await (const chunk of stage.read()) kept.update(chunk)
    for (const chunk of chunks) sent.update(chunk)
    expect(kept.digest('hex')).toBe(sent.digest('hex'))
    await stage.discard()
  })

  test('a reader that goes away early leaves no open file', async () => {
    const stage = await store.openStage('large')
    await stage.append(text('x'.repeat(3_000_000)))
    const name = key('large')
    await stage.seal(name)
    const openFiles = () => readdirSync('/proc/self/fd').length
    const before = openFiles()
    for (let i = 0; i < 20; i++) {
      const reader = (await store.open(name)).getReader()
      await reader.read()
      await reader.cancel()
    }
    expect(openFiles()).toBeLessThanOrEqual(before)
  })
})

const disk = mountSmallDisk(1)

describe.skipIf(disk === undefined)('a full disk', () => {
  afterAll(() => disk?.remove())

  test('is STORAGE_FULL, and once there is room again the same stage goes on', async () => {
    const store = await openFileBlobStore(disk?.path ?? '')
    const ballast = await store.openStage('ballast')
    await ballast.append(text('b'.repeat(700_000)))
    const stage = await store.openStage('big')
    const appending = stage.append(text('a'.repeat(900_000)))
    await expect(appending).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    const kept = stage.sizeBytes
    expect(kept).toBeLessThan(900_000)
    await ballast.discard()
    await stage.append(text('a'.repeat(900_000 - kept)))
    const name = key('big')
    await stage.seal(name)
    expect(await store.findSize(name)).toBe(900_000)
  })
})
