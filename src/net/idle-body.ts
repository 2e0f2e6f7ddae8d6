import { streamOf } from '../lib/chunks.ts'

/**
 * The least that an answer must bring in each LEAST_WINDOW_MS of waiting for it, in bytes: 256 bytes a second. Far below any link that is of use,
 * far above a server that drips to hold a place.
 */
export const LEAST_BYTES = 15_360
const LEAST_WINDOW_MS = 60_000

/** What a body needs to know of the request that it belongs to. */
export interface BodyOwner {
  readonly idleTimeoutMs: number
  /** As its headers say; undefined: they do not. Nothing is asked for after the last byte: Bun makes room for what will not come. */
  readonly lengthBytes?: number | undefined
  /** Ends the connection with the error that the reader shall see. */
  abort(reason: unknown): void
  /** Called once, when the body has ended in whatever way. */
  release(): void
  readonly onBytes?: ((bytes: number) => void) | undefined
  timedOut(receivedBytes: number): Error
  /** @param windowMs how long was waited for those bytes */
  tooSlow(windowBytes: number, windowMs: number): Error
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
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
 * The body, with a limit on the silence between two chunks and on how slowly they come. The clock runs only while a chunk is awaited, so a slow reader is
 * never taken for a slow sender, and nothing is read ahead of the reader (backpressure reaches the socket).
 */
export function idleBody(source: ReadableStream<Uint8Array>, owner: BodyOwner): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  const now = owner.now ?? (() => performance.now())
  let receivedBytes = 0
  let windowBytes = 0
  let windowMs = 0

  async function refuseSlow(): Promise<void> {
    if (windowBytes < LEAST_BYTES) {
      const error = owner.tooSlow(windowBytes, Math.round(windowMs))
      owner.abort(error)
      await reader.cancel(error).catch(() => {})
      throw error
    }
    windowBytes = 0
    windowMs = 0
  }

  return streamOf({
    async next() {
      if (receivedBytes === owner.lengthBytes) {
        owner.release()
        return undefined
      }
      const timer = setTimeout(() => owner.abort(owner.timedOut(receivedBytes)), owner.idleTimeoutMs)
      const askedMs = now()
      try {
        const { value, done } = await reader.read()
        windowMs += now() - askedMs
        if (done) {
          owner.release()
          return undefined
        }
        receivedBytes += value.byteLength
        owner.onBytes?.(value.byteLength)
        windowBytes += value.byteLength
        if (windowMs >= LEAST_WINDOW_MS) await refuseSlow()
        return value
      } catch (error) {
        const failure = owner.failure(error, receivedBytes)
        owner.release()
        throw failure
      } finally {
        clearTimeout(timer)
      }
    },
    async cancel(reason) {
      owner.release()
      owner.abort(reason)
      await reader.cancel(reason).catch(() => {})
    },
  })
}
