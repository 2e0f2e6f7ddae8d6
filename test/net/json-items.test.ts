// JSON of other registries, read in the memory of its largest item.
import { describe, expect, test } from 'bun:test'
import { type AppError, isAppError } from '../../src/errors.ts'
import { readJsonItems } from '../../src/net/json-items.ts'

const encoder = new TextEncoder()
const MIB = 1024 * 1024

interface Read {
  readonly items: readonly (readonly [value: unknown, ...keys: (string | number)[]])[]
  readonly fields: Readonly<Record<string, unknown>>
  readonly readBytes: number
  readonly error: AppError | undefined
  /** What the process holds more than before, while it was read. */
  readonly grewMiB: number
}

/** Reads what `chunks` gives, as a registry would send it: only what is asked for. */
async function read(chunks: Iterable<string | Uint8Array>, paths: readonly string[] = ['$.tags.*']): Promise<Read> {
  const iterator = chunks[Symbol.iterator]()
  const items: [unknown, ...(string | number)[]][] = []
  let readBytes = 0
  Bun.gc(true)
  const before = process.memoryUsage().rss
  let peak = before
  let measuredAt = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        // What is in use, now and then: what the collector has not taken yet depends on how busy the machine is.
        if (readBytes - measuredAt > 2 * MIB) {
          measuredAt = readBytes
          Bun.gc(true)
          peak = Math.max(peak, process.memoryUsage().rss)
        }
        const next = iterator.next()
        if (next.done) controller.close()
        else controller.enqueue(typeof next.value === 'string' ? encoder.encode(next.value) : next.value)
      },
    },
    { highWaterMark: 0 },
  )
  let fields: Record<string, unknown> = {}
  let error: AppError | undefined
  try {
    const found = await readJsonItems(
      { body },
      {
        fields: ['tags', 'name'],
        paths,
        onItem: (value, keys) => void (items.length < 10 && items.push([value, ...keys])),
        onBytes: (bytes) => {
          readBytes += bytes
        },
        what: 'the list',
      },
    )
    fields = Object.fromEntries([...found].map(([name, { kind, value }]) => [name, value ?? kind]))
  } catch (thrown) {
    if (!isAppError(thrown)) throw thrown
    error = thrown
  }
  return { items, fields, readBytes, error, grewMiB: (peak - before) / MIB }
}

function* repeat(first: string, part: string, totalBytes: number, last: string): Generator<string | Uint8Array> {
  yield first
  const block = encoder.encode(part.repeat(Math.ceil((256 * 1024) / part.length)))
  for (let sent = 0; sent < totalBytes; sent += block.byteLength) yield block
  yield last
}

describe('JSON that is read as it comes', () => {
  test('gives the selected items with their place, and the wanted members', async () => {
    const text = '{"name":"app","tags":["1",null,2,{"a":[true]}],"manifest":{"sha256:aa":{"tag":["1","x"],"n":{}}}}'
    const { items, fields, error } = await read([text], ['$.tags.*', '$.manifest.*.tag.*'])
    expect(error).toBeUndefined()
    expect(fields).toEqual({ name: 'app', tags: 'array' })
    expect(items).toEqual([
      ['1', 'tags', 0],
      [null, 'tags', 1],
      [2, 'tags', 2],
      [{ a: [true] }, 'tags', 3],
      ['1', 'manifest', 'sha256:aa', 'tag', 0],
      ['x', 'manifest', 'sha256:aa', 'tag', 1],
    ])
  })

  test('is the same however it is cut, malformed UTF-8 and byte order mark included', async () => {
    const bytes = Uint8Array.from([
      0xef,
      0xbb,
      0xbf,
      ...encoder.encode(' {"name":"ä\\u00e4€","x":"'),
      0xff,
      ...encoder.encode('","tags":["1"]} \n'),
    ])
    for (const size of [1, 2, 3, 1000]) {
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.slice(i * size, (i + 1) * size),
      )
      const { items, fields, error } = await read(parts)
      expect([error, fields, items]).toEqual([undefined, { name: 'ää€', tags: 'array' }, [['1', 'tags', 0]]])
    }
  })

  test.each([
    ['', 'ends before it is complete'],
    ['<html>', 'is "<html>", want JSON'],
    ['{"tags":["1"', 'ends before it is complete'],
    ['{"tags":["1"]', 'ends before it is complete'],
    ['{"tags" "1"}', 'want JSON'],
    ['{"tags":["1",]}', 'want JSON'],
    ['{"tags":[]} x', 'want JSON'],
    ['{"tags":[]}{}', 'want'],
    ['["1"]', 'is an array, want an object'],
    ['"1"', 'is "1", want an object'],
    ['7 ', 'is 7, want an object'],
    ['{"tags":[],"tags":["1"]}', 'names "tags" twice'],
    ['{"tags":[],"t\\u0061gs":["1"]}', 'names "tags" twice'],
    [`{"x":${'['.repeat(64)}${']'.repeat(64)}}`, 'nests deeper than 64 levels'],
    [`{"x":${'{"a":'.repeat(64)}1${'}'.repeat(64)}}`, 'nests deeper than 64 levels'],
  ])('%j is refused: %s', async (text, why) => {
    const { error } = await read([text])
    expect([error?.code, error?.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining(why)])
    expect(error?.message).toStartWith('the list ')
  })

  test('what is bounded is one entry, not all of them: small ones may be many, wherever the steps between them fall', async () => {
    const entry = JSON.stringify({ digest: 'd'.repeat(71), annotations: { title: 'x'.repeat(117) } })
    const { error, items } = await read([`{"tags":[${Array(20_000).fill(entry).join(',')}]}`])
    expect([error, items.length]).toEqual([undefined, 10])
  })

  test('nesting up to the limit is read', async () => {
    expect((await read([`{"x":${'['.repeat(63)}${']'.repeat(63)},"tags":[]}`])).error).toBeUndefined()
  })

  test.each([
    ['[', '['],
    ['{"tags":', '['],
    ['{"tags":[', '{"a":'],
  ])('60 MB of nesting (%s%s…) end within the first step, and the rest is not read', async (first, part) => {
    const { error, readBytes } = await read(repeat(first, part, 60e6, ''))
    expect(error?.code).toBe('UPSTREAM_INVALID')
    expect(readBytes).toBeLessThan(2 * MIB)
  })

  test.each([
    ['one text', '{"tags":["', 'a', '"]}'],
    ['one key', '{"', 'a', '":1}'],
    ['one number', '{"x":', '1', '}'],
    ['one text of escapes', '{"x":"', '\\n', '"}'],
    ['one selected item of many parts', '{"tags":[[', '[],', '[]]]}'],
    ['white space', '{', ' \n', '}'],
  ])('60 MB of %s end within the first few MiB', async (_name, first, part, last) => {
    const { error, readBytes } = await read(repeat(first, part, 60e6, last))
    expect(error?.message).toContain('more than 1048576 bytes')
    expect(readBytes).toBeLessThan(3 * MIB)
  })

  test.each([
    ['entries', '{"tags":[', 'null,', 'null]}'],
    ['an unknown member of many parts', '{"x":[', '[1,{}],', '1],"tags":[]}'],
    ['unknown members', '{', '"a":{"b":"c"},', '"tags":[]}'],
  ])('20 MB of %s are read in little memory', async (_name, first, part, last) => {
    const { error, readBytes, grewMiB } = await read(repeat(first, part, 20e6, last))
    expect(error).toBeUndefined()
    expect(readBytes).toBeGreaterThan(20e6)
    // As values it takes 400 MiB and more.
    expect(grewMiB).toBeLessThan(200)
  })
})
