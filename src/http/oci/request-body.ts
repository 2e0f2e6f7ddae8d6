import { AppError } from '../../errors.ts'
import { parseChunkRange } from '../../oci/range.ts'
import type { UploadBody } from '../../registry/uploads.ts'
import type { Call } from './call.ts'
import { RefusalError } from './refusal.ts'

const DEFAULT_IDLE_TIMEOUT_MS = 120_000

/** Bytes that `Content-Length` announces; undefined for chunked encoding. */
export function contentLength(request: Request): number | undefined {
  const header = request.headers.get('content-length')
  return header === null || !/^\d{1,15}$/.test(header) ? undefined : Number(header)
}

/**
 * Reads a whole body that may have at most `maxBytes`, without holding more.
 * @throws AppError MANIFEST_TOO_LARGE; CANCELLED when the client goes away or sends nothing for too long
 */
export async function readBody(call: Call, maxBytes: number, idleTimeoutMs?: number): Promise<Uint8Array> {
  const announced = contentLength(call.request) ?? 0
  if (announced > maxBytes) throw tooLarge(announced, maxBytes)
  const { stream } = watchedBody(call, idleTimeoutMs)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(size, maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * Bun takes and drops what is still to come of a refused body, in flat memory, so that a slow client can read the answer. One
 * that sends without end would be served for ever: here the connection ends with the answer.
 */
function tooLarge(gotBytes: number, maxBytes: number): AppError {
  const message = `the manifest has ${gotBytes} bytes or more, want at most ${maxBytes}`
  return new RefusalError('MANIFEST_TOO_LARGE', message, { Connection: 'close' })
}

/** The body of an upload, with its place in the blob when `Content-Range` tells it. @throws AppError RANGE_INVALID, UNSUPPORTED */
export function uploadBody(call: Call, idleTimeoutMs?: number): UploadBody {
  const { request } = call
  const type = request.headers.get('content-type')
  if (request.method === 'PATCH' && type !== null && !/^application\/octet-stream\s*(;|$)/i.test(type)) {
    throw new AppError(
      'BLOB_UPLOAD_INVALID',
      `Content-Type is ${JSON.stringify(type.slice(0, 80))}, want application/octet-stream`,
    )
  }
  const range = parseChunkRange(request.headers.get('content-range'))
  return { ...watchedBody(call, idleTimeoutMs), range, lengthBytes: contentLength(request) }
}

/**
 * The request's body under our own progress timer. Bun's idle timeout is switched off for it: it runs from the start of the
 * request whatever arrives, and would cut every slow but steady sender.
 */
function watchedBody(
  call: Call,
  idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS,
): { stream: ReadableStream<Uint8Array>; signal: AbortSignal } {
  const { request, server } = call
  server?.timeout(request, 0)
  const silence = new AbortController()
  const reader = request.body?.getReader()
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (reader === undefined) {
          controller.close()
          return
        }
        const stop = () => {
          const error = new AppError('CANCELLED', `no byte arrived for ${idleTimeoutMs} ms`)
          silence.abort(error)
          void reader.cancel(error).catch(() => {})
        }
        const timer = setTimeout(stop, idleTimeoutMs)
        try {
          const { done, value } = await reader.read()
          if (silence.signal.aborted) throw silence.signal.reason
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          controller.error(error)
        } finally {
          clearTimeout(timer)
        }
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return { stream, signal: AbortSignal.any([request.signal, silence.signal]) }
}
