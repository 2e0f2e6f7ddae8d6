/**
 * Bytes of an object as a stream that asks for a small range at a time, one ahead of its reader. No request waits for a slow reader, what fails is
 * asked for again at the place where it is, and a short answer is an error and never an end.
 */
import { AppError } from '../../errors.ts'
import type { Range, S3Objects } from './objects.ts'

export const READ_BYTES = 2 * 1024 * 1024
/** Of all readers of this process: what is beyond is asked for when it is wanted. */
const MAX_AHEAD = 64

let ahead = 0

/** The first bytes are there when it returns. @throws AppError BLOB_UNKNOWN, STORAGE_UNAVAILABLE */
export async function streamObject(objects: S3Objects, key: string, range: Range): Promise<ReadableStream<Uint8Array>> {
  const abort = new AbortController()
  const read = async (from: number) => {
    const bytes = await objects.get(key, { from, to: Math.min(range.to, from + READ_BYTES) }, abort.signal)
    if (bytes === undefined) throw gone()
    return bytes
  }
  let at = range.from
  let next: Promise<Uint8Array> | undefined = at < range.to ? Promise.resolve(await read(at)) : undefined
  let isCounted = false
  const uncount = () => {
    if (isCounted) ahead--
    isCounted = false
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (at >= range.to) return controller.close()
        try {
          const bytes = await (next ?? read(at))
          uncount()
          at += bytes.byteLength
          next = undefined
          if (at < range.to && ahead < MAX_AHEAD) {
            ahead++
            isCounted = true
            next = read(at)
            next.catch(() => {})
          }
          controller.enqueue(bytes)
          if (at >= range.to) controller.close()
        } catch (error) {
          uncount()
          throw error
        }
      },
      cancel(reason) {
        uncount()
        abort.abort(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/** Whoever reads an object of the database finds it, unless somebody took it out of the bucket. */
const gone = () => new AppError('BLOB_UNKNOWN', 'the content is not in the blob store')
