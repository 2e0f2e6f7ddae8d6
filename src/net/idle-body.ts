/** What a body needs to know of the request that it belongs to. */
export interface BodyOwner {
  readonly idleTimeoutMs: number
  /** Ends the connection with the error that the reader shall see. */
  abort(reason: unknown): void
  /** Called once, when the body has ended in whatever way. */
  release(): void
  readonly onBytes?: ((bytes: number) => void) | undefined
  timedOut(receivedBytes: number): Error
  /** What a failed read means. */
  failure(error: unknown, receivedBytes: number): unknown
}

export function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.close()
    },
  })
}

/**
 * The body, with a limit on the silence between two chunks. The clock runs only while a chunk is awaited, so a slow reader is
 * never taken for a slow sender, and nothing is read ahead of the reader (backpressure reaches the socket).
 */
export function idleBody(source: ReadableStream<Uint8Array>, owner: BodyOwner): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  let receivedBytes = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const timer = setTimeout(() => owner.abort(owner.timedOut(receivedBytes)), owner.idleTimeoutMs)
        try {
          const { value, done } = await reader.read()
          if (done) {
            owner.release()
            controller.close()
            return
          }
          receivedBytes += value.byteLength
          owner.onBytes?.(value.byteLength)
          controller.enqueue(value)
        } catch (error) {
          owner.release()
          controller.error(owner.failure(error, receivedBytes))
        } finally {
          clearTimeout(timer)
        }
      },
      async cancel(reason) {
        owner.release()
        owner.abort(reason)
        await reader.cancel(reason).catch(() => {})
      },
    },
    { highWaterMark: 0 },
  )
}
