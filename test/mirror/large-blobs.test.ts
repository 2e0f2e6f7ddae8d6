// Large blobs by parallel ranges: with what registries do to ranges, and kill -9 in the middle.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { countBytes, formatPiece, missingPieces, parsePieces, withPiece } from '../../src/blobs/piece-map.ts'
import type { Sleep } from '../../src/lib/retry.ts'
import { type Rest, takePiece } from '../../src/mirror/pass/fetch-pieces.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { ByteRange } from '../../src/oci/repository.ts'
import { type ScriptedRegistry, scriptedRegistry } from '../remote/scripted-registry.ts'
import { type LargeBlobStorage, MIB, openLargeBlobStorage } from '../support/large-blob-storage.ts'
import { temporaryDirectory } from '../support/process.ts'

const SIZE = 12 * MIB + 12_345
const bytes = new Uint8Array(SIZE)
for (let i = 0; i < SIZE; i++) bytes[i] = (i * 2654435761) >>> 24
const blob = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: SIZE }

interface Asked {
  readonly range: ByteRange | undefined
  readonly index: number
}

/** What a test's registry does with a request for the blob; undefined: as it should. */
type Fault = (asked: Asked) => Response | undefined | Promise<Response | undefined>

const part = (
  { from, to }: ByteRange,
  body: BodyInit = bytes.slice(from, to),
  claimed: string = `bytes ${from}-${to - 1}/${SIZE}`,
) => new Response(body, { status: 206, headers: { 'content-range': claimed, 'content-length': String(to - from) } })

/** The bytes in chunks, ended by an error after `most` of them. */
function cut({ from, to }: ByteRange, most: number): ReadableStream<Uint8Array> {
  let at = from
  return new ReadableStream({
    async pull(controller) {
      if (at >= to) return controller.close()
      if (at - from >= most) {
        await Bun.sleep(2)
        return controller.error(new Error('cut by the test'))
      }
      const end = Math.min(to, at + 16_384, from + most)
      controller.enqueue(bytes.slice(at, end))
      at = end
    },
  })
}

describe('a large blob', () => {
  const directory = () => temporary.path
  let temporary: ReturnType<typeof temporaryDirectory>
  let storage: LargeBlobStorage
  let registry: ScriptedRegistry
  let fault: Fault
  let ranges: (ByteRange | undefined)[]
  beforeEach(async () => {
    temporary = temporaryDirectory('large-blobs')
    storage = await openLargeBlobStorage(directory())
    fault = () => undefined
    ranges = []
    registry = scriptedRegistry(async ({ headers }) => {
      const match = /^bytes=(\d+)-(\d+)$/.exec(headers.get('range') ?? '')
      const range = match === null ? undefined : { from: Number(match[1]), to: Number(match[2]) + 1 }
      ranges.push(range)
      const answer = await fault({ range, index: ranges.length - 1 })
      return answer ?? (range === undefined ? new Response(bytes.slice()) : part(range))
    })
  })
  afterEach(async () => {
    await storage.close()
    await registry[Symbol.asyncDispose]()
    temporary.remove()
  })
  const isWhole = async () => Buffer.from(await storage.read(blob)).equals(bytes)

  test('comes in pieces, several at once, each byte once', async () => {
    let under = 0
    let most = 0
    const four = Promise.withResolvers<void>()
    fault = async ({ range }) => {
      most = Math.max(most, ++under)
      if (under === 4) four.resolve()
      // None is answered before four are asked for; a fifth would come meanwhile.
      await four.promise
      await Bun.sleep(5)
      under--
      return range === undefined ? undefined : part(range)
    }
    expect(await storage.fetch(registry.url, blob)).toBe(SIZE)
    expect([most, await isWhole()]).toEqual([4, true])
    expect(ranges.length).toBeGreaterThanOrEqual(13)
    expect(ranges.includes(undefined)).toBe(false)
  })

  test('a registry that ignores ranges costs one restart', async () => {
    fault = () => new Response(bytes.slice())
    expect(await storage.fetch(registry.url, blob)).toBe(SIZE)
    expect([ranges.length, await isWhole()]).toEqual([2, true])
  })

  test('so does one that answers with another range, or of another whole', async () => {
    for (const claimed of ['bytes 0-9/10', `bytes 5-${MIB}/${SIZE}`, 'bytes */*', 'nonsense']) {
      fault = ({ range }) => (range === undefined ? undefined : part(range, bytes.slice(range.from, range.to), claimed))
      const before = ranges.length
      if (before > 0) {
        await storage.close()
        temporary.remove()
        temporary = temporaryDirectory('large-blobs')
        storage = await openLargeBlobStorage(directory())
      }
      expect(await storage.fetch(registry.url, blob)).toBe(SIZE)
      expect([claimed, await isWhole()]).toEqual([claimed, true])
    }
  })

  test('one that sends the bytes of another place is found out by the digest, and read from the start', async () => {
    fault = ({ range }) => (range === undefined ? undefined : part(range, bytes.slice(0, range.to - range.from)))
    expect(await storage.fetch(registry.url, blob)).toBe(2 * SIZE)
    expect([ranges.filter((range) => range === undefined).length, await isWhole()]).toEqual([1, true])
  })

  test('cut each 64 KiB, it goes on where each piece ended', async () => {
    fault = ({ range }) => (range === undefined ? undefined : part(range, cut(range, 65_536)))
    const fetched = await storage.fetch(registry.url, blob)
    expect([fetched, await isWhole()]).toEqual([SIZE, true])
  })

  test('a piece that stalls is asked for again once nothing else is left to begin', async () => {
    let stalled = 0
    fault = ({ range, index }) => {
      if (range === undefined || index !== 1) return undefined
      stalled++
      const start = bytes.slice(range.from, range.from + 1000)
      return part(range, new ReadableStream({ start: (controller) => controller.enqueue(start) }))
    }
    expect(await storage.fetch(registry.url, blob)).toBe(SIZE)
    expect([stalled, await isWhole()]).toEqual([1, true])
  })

  describe('the last piece', () => {
    const lastFrom = 12 * MIB
    /** The registry has sent most of the last piece, and sends no more of it until `go`. */
    function stallLast() {
      const go = Promise.withResolvers<void>()
      const stalled = Promise.withResolvers<void>()
      const ended = Promise.withResolvers<'cancelled' | 'whole'>()
      let asked = 0
      fault = ({ range }) => {
        if (range === undefined || range.to !== SIZE) return undefined
        if (++asked > 1) return undefined
        return part(
          range,
          new ReadableStream({
            start: (controller) => controller.enqueue(bytes.slice(range.from, SIZE - 1000)),
            async pull(controller) {
              stalled.resolve()
              await go.promise
              controller.enqueue(bytes.slice(SIZE - 1000))
              controller.close()
              ended.resolve('whole')
            },
            cancel: () => ended.resolve('cancelled'),
          }),
        )
      }
      return { go, stalled: stalled.promise, ended: ended.promise, asked: () => asked }
    }

    test('that takes much longer than the others is asked for once more, and whoever is first ends the other', async () => {
      const last = stallLast()
      const waits: number[] = []
      // The patience is over as soon as the piece stalls.
      const sleep: Sleep = async (ms) => {
        waits.push(ms)
        await last.stalled
      }
      const fetched = await storage.fetch(registry.url, blob, { sleep })
      expect([last.asked(), await isWhole()]).toEqual([2, true])
      // Only what it lacked was asked for again; what of that came twice is its own answer's.
      expect(ranges.findLast((range) => range?.to === SIZE)?.from).toBeGreaterThanOrEqual(lastFrom)
      expect(fetched).toBeGreaterThanOrEqual(SIZE)
      expect(fetched).toBeLessThan(SIZE + 4 * MIB)
      expect(waits.length).toBeGreaterThan(0)
      for (const ms of waits) expect(ms).toBeLessThanOrEqual(30_000)
      last.go.resolve()
      expect(await last.ended).toBe('cancelled')
    })

    test('that comes by itself first ends the other', async () => {
      const last = stallLast()
      const never = Promise.withResolvers<Response>()
      const others = fault
      fault = (asked) => {
        const answer = others(asked)
        if (asked.range?.to !== SIZE || last.asked() < 2) return answer
        last.go.resolve()
        return never.promise
      }
      const fetched = await storage.fetch(registry.url, blob, { sleep: () => last.stalled })
      expect([fetched < SIZE + 4 * MIB, last.asked(), await isWhole()]).toEqual([true, 2, true])
      never.resolve(new Response(null, { status: 500 }))
    })

    test('is not harmed by a refusal of the other', async () => {
      const last = stallLast()
      const others = fault
      fault = (asked) => {
        const answer = others(asked)
        if (asked.range?.to !== SIZE || last.asked() < 2) return answer
        setImmediate(() => last.go.resolve())
        return new Response(null, { status: 403 })
      }
      const fetched = await storage.fetch(registry.url, blob, { sleep: () => last.stalled })
      // Of the others, too, what is under way at that moment may have been asked for twice.
      expect([fetched < SIZE + 4 * MIB, await isWhole()]).toEqual([true, true])
    })

    test('is given its time', async () => {
      const last = stallLast()
      const sleep: Sleep = (_ms, signal) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('over'))))
      const fetching = storage.fetch(registry.url, blob, { sleep })
      await last.stalled
      last.go.resolve()
      expect([await fetching, last.asked(), await isWhole()]).toEqual([SIZE, 1, true])
    })
  })

  test('one of any size that an upstream may claim costs no more than what is asked for at once', async () => {
    const huge = { ...blob, size: Number.MAX_SAFE_INTEGER }
    fault = ({ range }) => (range === undefined ? new Response(null, { status: 416 }) : part(range, cut(range, 0)))
    const before = process.memoryUsage().rss
    await expect(storage.fetch(registry.url, huge)).rejects.toBeInstanceOf(Error)
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB)
    expect(ranges.length).toBeLessThan(20)
  })

  test('a registry that gives a byte a time, and says that this was all, is not asked for ever', async () => {
    const crumb = ({ from }: ByteRange) => part({ from, to: from + 1 })
    fault = ({ range, index }) => {
      if (index > 2000) return new Response(null, { status: 404 })
      return range === undefined ? undefined : crumb(range)
    }
    const why = await storage.fetch(registry.url, blob).catch((error) => error)
    expect([why.code, why.message]).toEqual(['UPSTREAM_UNAVAILABLE', expect.stringContaining('1024 each at least')])
    expect(ranges.length).toBeLessThan(120)
  })

  test('nor is one that does so in one row', async () => {
    fault = ({ range, index }) => {
      if (index > 2000) return new Response(null, { status: 404 })
      if (range === undefined) return new Response(cut({ from: 0, to: SIZE }, 10))
      return index === 0
        ? part(range, bytes.slice(range.from, range.to), 'nonsense')
        : part({ from: range.from, to: range.from + 1 })
    }
    const why = await storage.fetch(registry.url, blob).catch((error) => error)
    expect([why.code, why.message]).toEqual(['UPSTREAM_UNAVAILABLE', expect.stringContaining('1024 each at least')])
    expect(ranges.length).toBeLessThan(120)
  })

  test('a registry that breaks off each time without a byte ends it', async () => {
    fault = ({ range }) => (range === undefined ? undefined : part(range, cut(range, 0)))
    await expect(storage.fetch(registry.url, blob)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
  })

  test('after kill -9, and another one, only what is missing is fetched', async () => {
    const program = join(import.meta.dir, '../support/large-blob-storage.ts')
    let served = 0
    await storage.close()
    for (const part of [1 / 3, 2 / 3]) {
      const reached = Promise.withResolvers<void>()
      const never = new Promise<undefined>(() => {})
      fault = ({ range }) => {
        if (range === undefined) return undefined
        if (served >= SIZE * part) {
          reached.resolve()
          return never
        }
        served += range.to - range.from
        return undefined
      }
      const child = Bun.spawn([process.execPath, program, directory(), registry.url, JSON.stringify(blob)], {
        stdout: 'ignore',
        stderr: 'inherit',
      })
      await reached.promise
      child.kill('SIGKILL')
      await child.exited
    }
    storage = await openLargeBlobStorage(directory())
    fault = () => undefined
    const fetched = await storage.fetch(registry.url, blob)
    // At most the pieces that were under way at a kill come again.
    expect(served + fetched).toBeLessThanOrEqual(SIZE + 2 * 4 * MIB)
    expect(fetched).toBeLessThan(SIZE / 3 + 8 * MIB)
    expect(fetched).toBeGreaterThan(0)
    expect(await isWhole()).toBe(true)
  })
})

describe('the map of pieces', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(60)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
  const bytesOf = (ranges: readonly ByteRange[]) =>
    new Set(ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)))

  test('holds exactly the bytes of its pieces, in ranges that neither touch nor overlap; the rest is missing', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), fc.nat(70), (pieces, size) => {
        const map = pieces.reduce<ByteRange[]>((ranges, piece) => withPiece(ranges, piece), [])
        const there = bytesOf(pieces)
        expect(bytesOf(map)).toEqual(there)
        expect(countBytes(map)).toBe(there.size)
        map.forEach(({ from, to }, i) => {
          expect(from).toBeLessThan(to)
          if (i > 0) expect(from).toBeGreaterThan(map[i - 1]?.to ?? 0)
        })
        const missing = bytesOf(missingPieces(map, size))
        for (let at = 0; at < size; at++) expect(missing.has(at)).toBe(!there.has(at))
        const queue = missingPieces(map, size).map((one): Rest => ({ ...one, pieceBytes: 7 }))
        const pieces7: ByteRange[] = []
        for (let piece = takePiece(queue); piece !== undefined; piece = takePiece(queue)) pieces7.push(piece)
        expect(bytesOf(pieces7)).toEqual(missing)
        expect(pieces7.every(({ from, to }) => from < to && to - from <= 7)).toBe(true)
      }),
    )
  })

  test('torn anywhere, it never claims a byte that was not recorded, nor one beyond the file', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 10 }), fc.nat(100), fc.nat(70), (pieces, torn, fileBytes) => {
        const text = pieces.map(formatPiece).join('')
        const there = bytesOf(pieces)
        for (const at of bytesOf(parsePieces(text.slice(0, torn), fileBytes))) {
          expect(there.has(at) && at < fileBytes).toBe(true)
        }
        expect(bytesOf(parsePieces(text, 60))).toEqual(there)
      }),
    )
  })
})
