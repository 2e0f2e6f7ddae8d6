const KEEP_ALIVE_MS = 15_000

/**
 * An answer of JSON lines that ends when the items do or the client is gone, and takes no more from `open` than its reader reads.
 * @param open gets a signal that aborts with the request or when the reader cancels
 */
export function streamLines<T>(request: AbortSignal, open: (signal: AbortSignal) => AsyncGenerator<T>): Response {
  const cancelled = new AbortController()
  const items = open(AbortSignal.any([request, cancelled.signal]))
  const encoder = new TextEncoder()
  let timer: ReturnType<typeof setInterval> | undefined
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode('\n'))
      }, KEEP_ALIVE_MS)
    },
    async pull(controller) {
      try {
        const { done, value } = await items.next()
        if (done !== true) {
          controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`))
          return
        }
        clearInterval(timer)
        controller.close()
      } catch (error) {
        clearInterval(timer)
        if (!cancelled.signal.aborted) controller.error(error)
      }
    },
    async cancel() {
      clearInterval(timer)
      cancelled.abort()
      await items.return(undefined)
    },
  })
  return new Response(stream, {
    headers: { 'content-type': 'application/jsonl', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}
