/** Where backups are written: a folder, a tar archive, a bucket. Paths are those of `backup-set.ts`. */

import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { streamOf, takeChunks } from '../lib/chunks.ts'
import { algorithmOf, type Digest, digestFromHash, newHash } from '../oci/digest.ts'

export interface BackupDestination {
  /** Names it in errors. */
  readonly title: string
  /** Files that it takes at once. */
  readonly atOnce: number
  /** Whether the file is there already, whole; of that size, that is. */
  has(path: string, sizeBytes: number): Promise<boolean>
  /** The bytes of a small file that was written to it, or was there. */
  read(path: string): Promise<Uint8Array>
  /** The bytes of a file that is there, however long. */
  open(path: string): Promise<ReadableStream<Uint8Array>>
  /** Writes a file; one that is there is replaced. It is there only once it is whole. */
  put(path: string, body: Uint8Array | ReadableStream<Uint8Array>, sizeBytes: number): Promise<void>
  /** The last file: appears only once all that was put before survives power loss, and does so itself. */
  finish(path: string, bytes: Uint8Array): Promise<void>
  /** Files in one of its folders, by name; none where there is no such folder. */
  list(folder: string): Promise<readonly string[]>
  remove(path: string): Promise<void>
  /** Lets go of it. What was not finished may be there, and is used or removed by a later backup. */
  close(): Promise<void>
}

/**
 * The same bytes; ends with an error where they are not what they are to be.
 * @param what names them in the error
 * @throws AppError UPSTREAM_INVALID, CANCELLED
 */
export function checked(
  body: ReadableStream<Uint8Array>,
  o: {
    readonly digest: Digest
    readonly sizeBytes: number
    readonly what: string
    readonly signal: AbortSignal
    onBytes?(bytes: number): void
  },
): ReadableStream<Uint8Array> {
  const hash = newHash(algorithmOf(o.digest))
  const chunks = takeChunks(body)
  let size = 0
  return streamOf({
    async next() {
      if (o.signal.aborted) {
        await chunks.cancel()
        throw cancelledBy(o.signal)
      }
      const chunk = await chunks.next()
      if (chunk !== undefined) {
        hash.update(chunk)
        size += chunk.byteLength
        o.onBytes?.(chunk.byteLength)
        if (size <= o.sizeBytes) return chunk
        await chunks.cancel()
        throw new AppError('UPSTREAM_INVALID', `${o.what} has more than ${o.sizeBytes} bytes`)
      }
      if (size !== o.sizeBytes) {
        throw new AppError('UPSTREAM_INVALID', `${o.what} has ${size} bytes, want ${o.sizeBytes}`)
      }
      const got = digestFromHash(algorithmOf(o.digest), hash)
      if (got !== o.digest)
        throw new AppError('UPSTREAM_INVALID', `the bytes of ${o.what} hash to ${got}, want ${o.digest}`)
      return undefined
    },
    cancel: (reason) => chunks.cancel(reason),
  })
}

/** Reads all of it and keeps nothing. */
export async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const chunks = takeChunks(body)
  while ((await chunks.next()) !== undefined) {
    // Whoever checks it has seen it.
  }
}
