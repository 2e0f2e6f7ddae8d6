import { AppError } from '../errors.ts'
import { streamOf, takeChunks } from '../lib/chunks.ts'
import { brokenOff, unavailable } from '../net/connection-failure.ts'

/**
 * The same bytes, with an error in place of the end when there are fewer than `length` (UPSTREAM_UNAVAILABLE: the rest may
 * still be had), and at the first byte beyond it (UPSTREAM_INVALID).
 */
export function exactBody(
  source: ReadableStream<Uint8Array>,
  length: number,
  title: string,
  redacted: (error: unknown) => Promise<unknown>,
): ReadableStream<Uint8Array> {
  const chunks = takeChunks(source)
  let received = 0
  const read = async () => {
    try {
      return await chunks.next()
    } catch (error) {
      throw await redacted(brokenOff(error, title))
    }
  }
  return streamOf({
    async next() {
      const chunk = await read()
      if (chunk === undefined) {
        if (received < length) throw unavailable('reset', `${title} ended after ${received} bytes, want ${length}`, {})
        return undefined
      }
      received += chunk.byteLength
      if (received > length) {
        await chunks.cancel().catch(() => {})
        throw new AppError('UPSTREAM_INVALID', `${title} goes on after ${length} bytes, want no more`)
      }
      return chunk
    },
    cancel: (reason) => chunks.cancel(reason),
  })
}
