// What every blob store does, whatever it keeps its bytes in.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type BlobStore, newStorageKey } from '../../src/blobs/blob-store.ts'
import { digestOf } from '../../src/oci/digest.ts'

export interface TestStore {
  readonly store: BlobStore
  remove(): void | Promise<void>
}

const text = (value: string) => new Response(value).body as ReadableStream<Uint8Array>
const read = async (stream: ReadableStream<Uint8Array>) => new Response(stream).text()
const key = (value: string) => newStorageKey(digestOf(value))

/** Yields `chunks`, then fails. */
function failing(chunks: readonly string[], error: Error): ReadableStream<Uint8Array> {
  const left = [...chunks]
  return new ReadableStream({
    pull(controller) {
      const next = left.shift()
      if (next === undefined) controller.error(error)
      else controller.enqueue(new TextEncoder().encode(next))
    },
  })
}

/** The tests of one kind of store. @param open makes an empty one */
export function testBlobStore(open: () => Promise<TestStore>): void {
  let opened: TestStore
  let store: BlobStore
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.remove())

  test('a sealed stage is an object, and no stage any more', async () => {
    const stage = await store.openStage('one')
    const seen: number[] = []
    expect(await stage.append(text('hello '), { onChunk: (chunk) => seen.push(chunk.byteLength) })).toBe(6)
    expect(await stage.append(text('world'))).toBe(11)
    const name = key('hello world')
    await stage.seal(name)
    expect(seen).toEqual([6])
    expect(await store.findSize(name)).toBe(11)
    expect(await read(await store.open(name))).toBe('hello world')
    expect(await read(await store.open(name, { from: 6, to: 8 }))).toBe('wo')
    expect(await Array.fromAsync(store.listStages())).toEqual([])
    const listed = await Array.fromAsync(store.listKeys())
    expect(listed.map((item) => item.key)).toEqual([name])
    expect(Math.abs((listed[0]?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
    await store.remove(name)
    expect(await Array.fromAsync(store.listKeys())).toEqual([])
  })

  test('a store is of the database that claimed it first', async () => {
    expect(await store.claim('first')).toBe('first')
    expect(await store.claim('second')).toBe('first')
    expect(await store.claim('first')).toBe('first')
  })

  test('an empty object is an object', async () => {
    const stage = await store.openStage('empty')
    const name = key('')
    await stage.seal(name)
    expect(await store.findSize(name)).toBe(0)
    expect(await read(await store.open(name))).toBe('')
  })

  test('the body of an answer is the object, or the range of it', async () => {
    const stage = await store.openStage('body', { isNew: true })
    await stage.append(text('hello world'), { isSealedNext: true })
    const name = key('body')
    await stage.seal(name)
    expect(await new Response(await store.openBody(name, { from: 0, to: 11 })).text()).toBe('hello world')
    expect(await new Response(await store.openBody(name, { from: 6, to: 8 })).text()).toBe('wo')
    expect(await new Response(await store.openBody(name)).text()).toBe('hello world')
    await expect(store.openBody(key('no body'), { from: 0, to: 1 })).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
  })

  test('what waits for its seal is read before it, too: a digest of another algorithm is found so', async () => {
    const stage = await store.openStage('waiting', { isNew: true })
    await stage.append(text('hello'))
    await stage.append(text(' world'), { isSealedNext: true })
    expect(await read(stage.read())).toBe('hello world')
    const name = key('waiting')
    await stage.seal(name)
    expect(await read(await store.open(name))).toBe('hello world')
  })

  test('what arrived before an error stays, and the next append goes on behind it', async () => {
    const stage = await store.openStage('broken')
    await expect(stage.append(failing(['abc', 'def'], new Error('cut')))).rejects.toThrow('cut')
    expect(stage.sizeBytes).toBe(6)
    await stage.close()
    const again = await store.openStage('broken')
    expect(again.sizeBytes).toBe(6)
    await again.append(text('ghi'))
    expect(await read(again.read())).toBe('abcdefghi')
    await again.truncate(2)
    expect(await read(again.read())).toBe('ab')
    await again.close()
    const cut = await store.openStage('broken')
    expect(await read(cut.read())).toBe('ab')
    await cut.discard()
    expect(await Array.fromAsync(store.listStages())).toEqual([])
  })

  test('a stage that is kept over its seal is there until it is discarded', async () => {
    const stage = await store.openStage('kept')
    await stage.append(text('told '))
    await stage.append(text('and not told'), { isSealedNext: true })
    const name = key('kept')
    await stage.sealKeeping(name)
    expect(await read(await store.open(name))).toBe('told and not told')
    expect((await Array.fromAsync(store.listStages())).map(({ id }) => id)).toEqual(['kept'])
    await stage.discard()
    expect(await Array.fromAsync(store.listStages())).toEqual([])
    expect(await store.findSize(name)).toBe(17)
  })

  test('a large stage holds what was hashed, chunk by chunk', async () => {
    const stage = await store.openStage('large')
    const chunks = Array.from({ length: 35 }, (_, n) => new Uint8Array(1_000_003).fill(n))
    const seen: number[] = []
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    })
    const size = await stage.append(source, { onChunk: (chunk) => seen.push(chunk[0] ?? -1) })
    expect(size).toBe(35 * 1_000_003)
    expect(seen).toEqual(chunks.map((_, n) => n))
    const hash = async (bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
      const hasher = new Bun.CryptoHasher('sha256')
      for await (const chunk of bytes) hasher.update(chunk)
      return hasher.digest('hex')
    }
    expect(await hash(stage.read())).toBe(await hash(chunks))
    const name = key('large one')
    await stage.seal(name)
    expect(await hash(await store.open(name))).toBe(await hash(chunks))
    const part = new Uint8Array(
      await new Response(await store.open(name, { from: 17_000_000, to: 17_000_060 })).arrayBuffer(),
    )
    expect([part[0], part[50], part[51], part.byteLength]).toEqual([16, 16, 17, 60])
    await store.remove(name)
  })

  test('pieces come in any order, are found again, and become one object', async () => {
    const stage = await store.openOwnStage('pieces')
    const half = 9_000_000
    const bytes = (n: number, length: number) =>
      new Response(new Uint8Array(length).fill(n)).body as ReadableStream<Uint8Array>
    await Promise.all([stage.writePiece(half, bytes(2, half)), stage.writePiece(0, bytes(1, 1000))])
    expect(stage.isInPieces).toBe(true)
    expect(stage.pieces).toEqual([
      { from: 0, to: 1000 },
      { from: half, to: 2 * half },
    ])
    await expect(stage.append(text('x'))).rejects.toThrow('pieces')
    await stage.close()
    const again = await store.openOwnStage('pieces')
    expect(again.pieces).toEqual(stage.pieces)
    expect(await store.measureStage('pieces')).toBe(half + 1000)
    await again.writePiece(1000, bytes(3, half - 1000), { maxBytes: half })
    expect(again.pieces).toEqual([{ from: 0, to: 2 * half }])
    const name = key('pieces')
    await again.seal(name)
    const whole = new Uint8Array(await new Response(await store.open(name)).arrayBuffer())
    expect([whole[999], whole[1000], whole[half - 1], whole[half], whole.byteLength]).toEqual([1, 3, 3, 2, 2 * half])
    expect(await store.measureStage('pieces')).toBe(0)
  })

  test('what came in pieces is appended to once it was cut to what is whole', async () => {
    const stage = await store.openOwnStage('mixed')
    await stage.writePiece(4, text('efgh'))
    await stage.writePiece(0, text('abcd'))
    await stage.writePiece(20, text('zzz'))
    await stage.truncate(6)
    expect([stage.isInPieces, stage.sizeBytes]).toEqual([false, 6])
    await stage.append(text('GHI'))
    await stage.close()
    const again = await store.openOwnStage('mixed')
    expect([again.isInPieces, again.sizeBytes]).toEqual([false, 9])
    expect(await read(again.read())).toBe('abcdefGHI')
    await again.discard()
  })

  test('a stage does not grow beyond its limit', async () => {
    const stage = await store.openStage('limited')
    await expect(stage.append(text('0123456789'), { maxBytes: 5 })).rejects.toMatchObject({ code: 'SIZE_INVALID' })
    expect(stage.sizeBytes).toBe(0)
    await stage.discard()
  })

  test('an abort ends the append and cancels its source', async () => {
    const stage = await store.openStage('aborted')
    const abort = new AbortController()
    const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>()
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('first')),
      cancel: () => onCancelled(),
    })
    const appending = stage.append(body, { signal: abort.signal, onChunk: () => abort.abort() })
    await expect(appending).rejects.toMatchObject({ code: 'CANCELLED' })
    await cancelled
    await stage.discard()
  })

  test('an object that is not there is absent, and no failure', async () => {
    expect(await store.findSize(key('absent'))).toBeUndefined()
    expect(store.findBody(key('absent'), 5)).toBeUndefined()
    await expect(store.open(key('absent'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    await store.remove(key('absent'))
  })

  test('names that could leave the store are refused', async () => {
    await expect(store.openStage('../evil')).rejects.toThrow('not a stage id')
    const find = async () => store.findSize('sha256-../../etc/passwd')
    await expect(find()).rejects.toThrow('not a storage key')
  })
}
