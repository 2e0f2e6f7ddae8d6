import { AppError } from '../errors.ts'
import { takeChunks } from '../lib/chunks.ts'

/** Chunks of `body` until it ends or `signal` fires; the body is cancelled when the loop is left early. */
export async function* readUntil(body: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = takeChunks(body)
  const onAbort = () => void chunks.cancel(signal?.reason).catch(() => {})
  signal?.addEventListener('abort', onAbort, { once: true })
  const refuseAborted = () => {
    if (signal?.aborted) throw new AppError('CANCELLED', 'the transfer was stopped', { cause: signal.reason })
  }
  let isDone = false
  try {
    for (;;) {
      refuseAborted()
      const chunk = await chunks.next().catch((error) => {
        refuseAborted()
        throw error
      })
      if (chunk !== undefined) yield chunk
      else if (!signal?.aborted) {
        isDone = true
        return
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!isDone) await chunks.cancel().catch(() => {})
  }
}
