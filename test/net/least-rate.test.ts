// An answer that drips is ended, however long it keeps its silences short; a slow reader is never taken for a slow sender.
import { expect, test } from 'bun:test'
import { idleBody, LEAST_BYTES } from '../../src/net/idle-body.ts'

/** Reads chunks of `bytes` that each take `waitMs`, with `readMs` of our own work in between, until the end or 10,000 chunks. */
async function receive(o: { bytes: number; waitMs: number; readMs?: number; chunks?: number }) {
  let nowMs = 0
  let left = o.chunks ?? 10_000
  const seen = { aborted: 0, released: 0, received: 0 }
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        nowMs += o.waitMs
        if (left-- === 0) controller.close()
        else controller.enqueue(new Uint8Array(o.bytes))
      },
    },
    { highWaterMark: 0 },
  )
  const body = idleBody(source, {
    idleTimeoutMs: 30_000,
    abort: () => seen.aborted++,
    release: () => seen.released++,
    timedOut: () => new Error('silent'),
    tooSlow: (bytes, ms) => new Error(`${bytes} bytes in ${ms} ms`),
    failure: (error) => error,
    now: () => nowMs,
  })
  try {
    for await (const chunk of body) {
      seen.received += chunk.byteLength
      nowMs += o.readMs ?? 0
    }
    return { ...seen, error: undefined }
  } catch (error) {
    return { ...seen, error: String(error) }
  }
}

test.each([
  [{ bytes: 1, waitMs: 1000 }, 'Error: 60 bytes in 60000 ms'],
  [{ bytes: 1, waitMs: 29_999 }, 'Error: 3 bytes in 89997 ms'],
  [{ bytes: LEAST_BYTES / 60 - 1, waitMs: 1000 }, `Error: ${LEAST_BYTES - 60} bytes in 60000 ms`],
])('%j is ended within the first window', async (o, error) => {
  const got = await receive(o)
  expect([got.error, got.aborted, got.released]).toEqual([error, 1, 1])
})

test.each([
  // 256 bytes a second, as by a modem that eight requests share.
  { bytes: LEAST_BYTES / 60, waitMs: 1000, chunks: 500 },
  { bytes: LEAST_BYTES, waitMs: 29_000, chunks: 500 },
  // Ends before the window does.
  { bytes: 1, waitMs: 1000, chunks: 58 },
  // We take a minute for every chunk ourselves.
  { bytes: 1, waitMs: 5, readMs: 60_000, chunks: 5000 },
])('%j comes to its end', async (o) => {
  const got = await receive(o)
  expect([got.error, got.received, got.aborted]).toEqual([undefined, o.bytes * o.chunks, 0])
})

test('a fast minute does not pay for a slow one', async () => {
  let nowMs = 0
  let sent = 0
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        nowMs += 1000
        controller.enqueue(new Uint8Array(sent++ < 60 ? 1_000_000 : 1))
      },
    },
    { highWaterMark: 0 },
  )
  const body = idleBody(source, {
    idleTimeoutMs: 30_000,
    abort: () => {},
    release: () => {},
    timedOut: () => new Error('silent'),
    tooSlow: (bytes) => new Error(`only ${bytes}`),
    failure: (error) => error,
    now: () => nowMs,
  })
  const read = async () => {
    for await (const _ of body);
  }
  expect(read()).rejects.toThrow('only 60')
})
