import { afterEach, expect, jest, test } from 'bun:test'
import { type BodyOwner, idleBody } from '../../src/net/idle-body.ts'

afterEach(() => jest.useRealTimers())

/** A source of chunks that the test sends, and an owner that records what happens to it. */
function setup(idleTimeoutMs: number) {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const source = new ReadableStream<Uint8Array>({
    start(c) {
      controller = c
    },
  })
  const seen = { released: 0, aborted: [] as unknown[] }
  const owner: BodyOwner = {
    idleTimeoutMs,
    abort: (reason) => {
      seen.aborted.push(reason)
      controller?.error(reason)
    },
    release: () => {
      seen.released++
    },
    timedOut: (bytes) => new Error(`silent after ${bytes}`),
    tooSlow: (bytes, ms) => new Error(`${bytes} bytes in ${ms} ms`),
    failure: (error) => error,
  }
  const send = (size: number) => controller?.enqueue(new Uint8Array(size))
  return { reader: idleBody(source, owner).getReader(), seen, send, end: () => controller?.close() }
}

test('the idle clock stands still while nobody reads: a slow reader is not taken for a slow sender', async () => {
  jest.useFakeTimers()
  const { reader, seen, send, end } = setup(1000)
  send(3)
  expect((await reader.read()).value?.byteLength).toBe(3)
  jest.advanceTimersByTime(3_600_000)
  send(4)
  expect((await reader.read()).value?.byteLength).toBe(4)
  end()
  expect((await reader.read()).done).toBe(true)
  expect(seen).toEqual({ released: 1, aborted: [] })
})

test('silence while a chunk is awaited ends the body with how much had come', async () => {
  jest.useFakeTimers()
  const { reader, seen, send } = setup(1000)
  send(3)
  await reader.read()
  const pending = reader.read().catch((error: unknown) => error)
  // The stream asks its source in a microtask; only then does the clock run.
  for (let i = 0; i < 10; i++) await Promise.resolve()
  jest.advanceTimersByTime(1001)
  expect(String(await pending)).toBe('Error: silent after 3')
  expect(seen.released).toBe(1)
  expect(seen.aborted).toHaveLength(1)
})

test('cancelling gives the place back and ends the connection', async () => {
  const { reader, seen } = setup(1000)
  await reader.cancel('enough')
  expect(seen).toEqual({ released: 1, aborted: ['enough'] })
})
