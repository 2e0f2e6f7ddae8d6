/** Bodies of requests that are sent as they are read: neither held whole, nor sent twice. */
import { AppError, messageOf } from '../errors.ts'
import { type Chunks, streamOf, takeChunks } from '../lib/chunks.ts'

/** Sent with its length, not chunked: registries and the storage behind them want to know it. */
export interface StreamedBody {
  /** Asked once a connection is there; again only for another connection of which nothing was taken. */
  stream(): ReadableStream<Uint8Array>
  readonly lengthBytes: number
}

export type RequestBody = string | Uint8Array<ArrayBuffer> | StreamedBody

const ofBodies = new WeakSet<object>()

/** The body that was to be sent has failed, and not who it was sent to. */
export function isOfOwnBody(error: unknown): boolean {
  return typeof error === 'object' && error !== null && ofBodies.has(error)
}

export function isStreamed(body: RequestBody | undefined): body is StreamedBody {
  return typeof body === 'object' && !(body instanceof Uint8Array)
}

/** What the request hears of its body. */
export interface BodyListener {
  /** The connection has room: what is waited for now is ours. */
  onAsked(): void
  /** The connection has taken a piece. @param isLast all is taken, and what is waited for is the answer */
  onTaken(isLast: boolean): void
  /** Nothing more will come: the request must end with this. */
  onFailure(error: unknown): void
}

/**
 * The bytes of a body for one connection. One with fewer or more bytes than it says fails with SIZE_INVALID: the other side would wait
 * for the rest, or take it for the next request.
 */
export function bodyToSend(body: StreamedBody, listener: BodyListener): ReadableStream<Uint8Array> {
  let chunks: Chunks | undefined
  let given = 0
  let isOver = false
  const wrong = (what: string) =>
    new AppError('SIZE_INVALID', `the body that is sent ${what}, want ${body.lengthBytes} bytes`)
  /** The last piece only once nothing follows it: until then the request is not complete, and can still be taken back. */
  const read = async (): Promise<Uint8Array | undefined> => {
    chunks ??= takeChunks(body.stream())
    let piece: Uint8Array | undefined
    for (;;) {
      const chunk = await chunks.next()
      if (chunk === undefined && given < body.lengthBytes) throw wrong(`ended after ${given}`)
      isOver = chunk === undefined
      if (chunk === undefined) return piece
      if (chunk.byteLength === 0) continue
      given += chunk.byteLength
      if (given > body.lengthBytes) {
        const error = wrong('goes on after that')
        await chunks.cancel(error).catch(() => {})
        throw error
      }
      if (given < body.lengthBytes) return chunk
      piece = chunk
    }
  }
  return streamOf({
    async next() {
      if (isOver) return undefined
      listener.onAsked()
      try {
        const chunk = await read()
        listener.onTaken(isOver)
        return chunk
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new AppError('INTERNAL', messageOf(thrown))
        ofBodies.add(error)
        listener.onFailure(error)
        throw error
      }
    },
    async cancel(reason) {
      await chunks?.cancel(reason)
    },
  })
}
