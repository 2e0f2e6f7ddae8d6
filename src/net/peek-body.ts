/**
 * The first byte of a body that is no white space, and the body as if nobody had looked.
 * @returns `first` undefined when there is none in what was looked at (some 16 KiB, or all that came)
 */
export async function peekBody({ body }: { readonly body: ReadableStream<Uint8Array> }): Promise<{
  readonly first: string | undefined
  readonly body: ReadableStream<Uint8Array>
}> {
  const reader = body.getReader()
  const seen: Uint8Array[] = []
  let first: string | undefined
  for (let size = 0; first === undefined && size < MAX_PEEKED_BYTES; ) {
    const { value, done } = await reader.read()
    if (done) break
    seen.push(value)
    size += value.byteLength
    first = /[^\s\uFEFF]/.exec(new TextDecoder().decode(value.subarray(0, MAX_PEEKED_BYTES)))?.[0]
  }
  const whole = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = seen.shift()
        if (next !== undefined) {
          controller.enqueue(next)
          return
        }
        const { value, done } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return { first, body: whole }
}

const MAX_PEEKED_BYTES = 16 * 1024
