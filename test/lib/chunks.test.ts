import { describe, expect, test } from 'bun:test'
import { type Chunks, giveBack, streamOf, takeChunks } from '../../src/lib/chunks.ts'

function listed(...sizes: number[]) {
  const seen = { asked: 0, cancelled: [] as unknown[] }
  const chunks: Chunks = {
    next: async () => {
      const size = sizes[seen.asked++]
      return size === undefined ? undefined : new Uint8Array(size)
    },
    cancel: async (reason) => void seen.cancelled.push(reason),
  }
  return { chunks, seen }
}

describe('chunks that pass many hands', () => {
  test('what was made of chunks gives them as they are, and nobody else reads the stream', async () => {
    const { chunks } = listed(3)
    const stream = streamOf(chunks)
    expect(takeChunks(stream)).toBe(chunks)
    expect(() => stream.getReader()).toThrow()
  })

  test('any other stream is read chunk by chunk, and its end is no chunk', async () => {
    const chunks = takeChunks(new Blob(['abc']).stream())
    expect((await chunks.next())?.byteLength).toBe(3)
    expect(await chunks.next()).toBeUndefined()
  })

  test('nothing is asked for before somebody reads, and cancelling reaches the source', async () => {
    const { chunks, seen } = listed(1, 2)
    const stream = streamOf(chunks)
    expect(seen.asked).toBe(0)
    const reader = stream.getReader()
    expect((await reader.read()).value?.byteLength).toBe(1)
    expect(seen.asked).toBe(1)
    await reader.cancel('enough')
    expect(seen.cancelled).toEqual(['enough'])
  })

  test('memory is given back where the chunk reaches to the end of its buffer, and no earlier', () => {
    const buffer = new ArrayBuffer(8)
    giveBack(new Uint8Array(buffer, 0, 5))
    expect(buffer.byteLength).toBe(8)
    giveBack(new Uint8Array(buffer, 5, 3))
    expect(buffer.byteLength).toBe(0)
  })
})
