import { AppError } from '../errors.ts'
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
  const reader = source.getReader()
  let received = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await reader.read().catch(async (error) => {
          throw await redacted(brokenOff(error, title))
        })
        if (done) {
          if (received < length)
            throw unavailable('reset', `${title} ended after ${received} bytes, want ${length}`, {})
          controller.close()
          return
        }
        received += value.byteLength
        if (received > length) {
          await reader.cancel().catch(() => {})
          throw new AppError('UPSTREAM_INVALID', `${title} goes on after ${length} bytes, want no more`)
        }
        controller.enqueue(value)
      },
      async cancel(reason) {
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
