import { streamOf, takeChunks } from '../../lib/chunks.ts'

/** The same bytes, counted as they pass. */
export function counted(
  stream: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  const chunks = takeChunks(stream)
  return streamOf({
    async next() {
      const chunk = await chunks.next()
      if (chunk !== undefined) onBytes(chunk.byteLength)
      return chunk
    },
    cancel: (reason) => chunks.cancel(reason),
  })
}
