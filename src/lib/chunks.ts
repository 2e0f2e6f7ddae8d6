/**
 * Bytes that pass many hands: each of them is a function that is asked for the next chunk, and only whoever is last reads a stream. A stream
 * of its own for each costs several promises a chunk (measured: a sixth of the work of mirroring large layers).
 */
export interface Chunks {
  /** Undefined at the end. Asked again only once the last answer has come. */
  next(): Promise<Uint8Array | undefined>
  /** Nothing more is wanted. */
  cancel(reason?: unknown): Promise<void>
}

const chunksOf = new WeakMap<ReadableStream<Uint8Array>, Chunks>()

/** A stream of the chunks, which reads none ahead: the sender feels a slow reader (backpressure). */
export function streamOf(chunks: Chunks): ReadableStream<Uint8Array> {
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await chunks.next()
        if (chunk === undefined) controller.close()
        else controller.enqueue(chunk)
      },
      cancel: (reason) => chunks.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  chunksOf.set(stream, chunks)
  return stream
}

/** What is left of a stream, which nobody else may read from now on. @throws TypeError when somebody reads it already */
export function takeChunks(stream: ReadableStream<Uint8Array>): Chunks {
  const reader = stream.getReader()
  const own = chunksOf.get(stream)
  if (own !== undefined) return own
  return {
    async next() {
      const { value, done } = await reader.read()
      return done ? undefined : value
    },
    cancel: (reason) => reader.cancel(reason),
  }
}

/**
 * The memory of a chunk that nobody reads any more, given back at once: a collection of garbage comes when as much again has been read. Bun
 * fills what is left of a buffer with the next chunk, so that only one that reaches to its end is given back.
 */
export function giveBack({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteOffset + byteLength === buffer.byteLength) buffer.transfer(0)
}
