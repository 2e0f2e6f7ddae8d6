import { JSON_LINES, type StreamFormat } from './event-stream.ts'

const KEEP_ALIVE_MS = 15_000
/** How long whoever may no longer read goes on reading at most. */
const CHECK_MS = 2000

/**
 * An answer of JSON lines (or of what `format` makes) that ends when the items do or the client is gone, and takes no more from `open` than its reader reads.
 * It breaks off once its reader may no longer have it: asked before every line, and every CHECK_MS while there is none.
 * @param open gets a signal that aborts with the request or when the reader cancels
 * @param again throws when the reader may not go on
 */
export function streamLines<T>(
  request: AbortSignal,
  open: (signal: AbortSignal) => AsyncGenerator<T>,
  again: () => Promise<unknown>,
  format: StreamFormat<T> = JSON_LINES,
): Response {
  const cancelled = new AbortController()
  const items = open(AbortSignal.any([request, cancelled.signal]))
  const encoder = new TextEncoder()
  const timers: ReturnType<typeof setInterval>[] = []
  const stop = () => {
    for (const timer of timers.splice(0)) clearInterval(timer)
  }
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (format.opening !== '') controller.enqueue(encoder.encode(format.opening))
      const breakOff = (error: unknown) => {
        if (cancelled.signal.aborted) return
        stop()
        cancelled.abort()
        controller.error(error)
      }
      let isAsking = false
      const check = async () => {
        if (isAsking) return
        isAsking = true
        await again().catch(breakOff)
        isAsking = false
      }
      timers.push(setInterval(() => void check(), CHECK_MS))
      timers.push(
        setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(format.keepAlive))
        }, KEEP_ALIVE_MS),
      )
    },
    async pull(controller) {
      try {
        const { done, value } = await items.next()
        if (cancelled.signal.aborted) return
        await again()
        if (cancelled.signal.aborted) return
        if (done !== true) {
          controller.enqueue(encoder.encode(format.render(value)))
          return
        }
        stop()
        controller.close()
      } catch (error) {
        stop()
        if (cancelled.signal.aborted) return
        cancelled.abort()
        controller.error(error)
      }
    },
    async cancel() {
      stop()
      cancelled.abort()
      await items.return(undefined)
    },
  })
  return new Response(stream, {
    headers: { 'content-type': format.contentType, 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}
