import { streamOf, takeChunks } from '../lib/chunks.ts'

/**
 * The same bytes, no faster than `spend` lets them, and no more once it throws; nothing is read ahead, so that the sender feels it
 * (backpressure).
 */
export function pacedBody(
  source: ReadableStream<Uint8Array>,
  spend: (bytes: number) => Promise<void>,
): ReadableStream<Uint8Array> {
  const chunks = takeChunks(source)
  return streamOf({
    async next() {
      const chunk = await chunks.next()
      if (chunk === undefined) return undefined
      try {
        await spend(chunk.byteLength)
      } catch (error) {
        await chunks.cancel(error).catch(() => {})
        throw error
      }
      return chunk
    },
    cancel: (reason) => chunks.cancel(reason),
  })
}
