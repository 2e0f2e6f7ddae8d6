/** Chunks that are taken apart at other places than they came with. */
import { type Chunks, streamOf } from './chunks.ts'

export interface Row {
  /** The next bytes, at most so many; undefined at the end. */
  take(most: number): Promise<Uint8Array | undefined>
}

export function createRow(chunks: Chunks): Row {
  let left: Uint8Array | undefined
  return {
    async take(most) {
      const chunk = left ?? (await chunks.next())
      left = undefined
      if (chunk === undefined || chunk.byteLength <= most) return chunk
      left = chunk.subarray(most)
      return chunk.subarray(0, most)
    },
  }
}

/** The next `length` bytes of a row, which may end before; what of it is not read stays in the row. */
export function cutStream(row: Row, length: number, onChunk: (chunk: Uint8Array) => void): ReadableStream<Uint8Array> {
  let given = 0
  return streamOf({
    async next() {
      if (given === length) return undefined
      const chunk = await row.take(length - given)
      if (chunk === undefined) return undefined
      given += chunk.byteLength
      onChunk(chunk)
      return chunk
    },
    cancel: async () => {},
  })
}

/** The chunks without the first `count` bytes. */
export function skip(chunks: Chunks, count: number): Chunks {
  let left = count
  return {
    async next() {
      for (;;) {
        const chunk = await chunks.next()
        if (chunk === undefined || left === 0) return chunk
        const over = chunk.byteLength - left
        left = Math.max(0, left - chunk.byteLength)
        if (over > 0) return chunk.subarray(chunk.byteLength - over)
      }
    },
    cancel: (reason) => chunks.cancel(reason),
  }
}
