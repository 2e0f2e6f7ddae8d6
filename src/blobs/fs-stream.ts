import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { AppError } from '../errors.ts'
import { isNoEntry } from '../lib/no-entry.ts'

const CHUNK_BYTES = 1024 * 1024

/**
 * A file, or the part `[from, to)` of it, as a stream that reads one chunk ahead at most.
 * A file descriptor, not a FileHandle: a handle that is collected while open (its reader gone before the first pull) throws
 * and ends the process.
 * @throws AppError BLOB_UNKNOWN when there is no such file
 */
export async function streamFile(
  path: string,
  range?: { readonly from: number; readonly to: number },
): Promise<ReadableStream<Uint8Array>> {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    if (isNoEntry(error)) {
      throw new AppError('BLOB_UNKNOWN', 'the content is not in the blob store', { cause: error })
    }
    throw error
  }
  let position = range?.from ?? 0
  const end = range?.to ?? Number.POSITIVE_INFINITY
  let isOpen = true
  const close = () => {
    if (isOpen) closeSync(descriptor)
    isOpen = false
  }
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        try {
          const want = Math.min(CHUNK_BYTES, end - position)
          const buffer = new Uint8Array(Math.max(0, want))
          const got = want > 0 ? readSync(descriptor, buffer, 0, want, position) : 0
          if (got === 0) {
            close()
            controller.close()
            return
          }
          position += got
          controller.enqueue(got === buffer.byteLength ? buffer : buffer.subarray(0, got))
        } catch (error) {
          close()
          controller.error(error)
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  )
}

/** A file of this size as bytes; undefined when it is not there, or has another. Blocks: for what is about as small as a page of the database. */
export function readWhole(path: string, sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = readFileSync(path)
    return bytes.byteLength === sizeBytes ? bytes : undefined
  } catch (error) {
    if (isNoEntry(error)) return undefined
    throw error
  }
}
