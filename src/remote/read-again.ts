import { streamOf, takeChunks } from '../lib/chunks.ts'
import { failureReason, isPassing } from '../net/connection-failure.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'

/** How often an answer is asked for whose body breaks off; the budget's own tries end with the headers. */
const MAX_ANSWERS = 5
/** The same for bodies that go silent: each of them costs the whole idle limit. */
const MAX_SILENT_ANSWERS = 2

/**
 * Asks and reads the answer's body to its end, from the start again when the connection breaks while it is read: for bodies
 * that are small enough to be read at once. What `ask` throws has had its tries and is thrown on.
 */
export async function readAgain<T>(
  ask: () => Promise<HttpResponse>,
  read: (response: HttpResponse) => Promise<T>,
): Promise<T> {
  for (let answers = 1; ; answers++) {
    const response = await ask()
    try {
      return await read(response)
    } catch (error) {
      const most = failureReason(error) === 'timeout' ? MAX_SILENT_ANSWERS : MAX_ANSWERS
      if (answers >= most || !isPassing(error)) throw error
    }
  }
}

/** Asks until an answer has brought the first bytes of its body: one that breaks before them is no better than none. */
export function askForBytes(ask: () => Promise<HttpResponse>): Promise<HttpResponse> {
  return readAgain(ask, async (response) => ({ ...response, body: await begun(response.body) }))
}

/** The same body, when its first chunk is here. */
async function begun(body: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const chunks = takeChunks(body)
  let first: Promise<Uint8Array | undefined> | undefined = chunks.next()
  await first
  return streamOf({
    next() {
      const next = first ?? chunks.next()
      first = undefined
      return next
    },
    cancel: (reason) => chunks.cancel(reason),
  })
}
