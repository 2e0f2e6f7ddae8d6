import { streamOf, takeChunks } from '../lib/chunks.ts'

/**
 * The first byte of a body that is no white space, and the body as if nobody had looked.
 * @returns `first` undefined when there is none in what was looked at (some 16 KiB, or all that came)
 */
export async function peekBody({ body }: { readonly body: ReadableStream<Uint8Array> }): Promise<{
  readonly first: string | undefined
  readonly body: ReadableStream<Uint8Array>
}> {
  const chunks = takeChunks(body)
  const seen: Uint8Array[] = []
  let first: string | undefined
  for (let size = 0; first === undefined && size < MAX_PEEKED_BYTES; ) {
    const chunk = await chunks.next()
    if (chunk === undefined) break
    seen.push(chunk)
    size += chunk.byteLength
    first = /[^\s\uFEFF]/.exec(new TextDecoder().decode(chunk.subarray(0, MAX_PEEKED_BYTES)))?.[0]
  }
  const whole = streamOf({
    next: async () => seen.shift() ?? (await chunks.next()),
    cancel: (reason) => chunks.cancel(reason),
  })
  return { first, body: whole }
}

const MAX_PEEKED_BYTES = 16 * 1024
