/**
 * The same bytes, no faster than `spend` lets them, and no more once it throws; nothing is read ahead, so that the sender feels it
 * (backpressure).
 */
export function pacedBody(
  source: ReadableStream<Uint8Array>,
  spend: (bytes: number) => Promise<void>,
): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        try {
          await spend(value.byteLength)
        } catch (error) {
          await reader.cancel(error).catch(() => {})
          throw error
        }
        controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
