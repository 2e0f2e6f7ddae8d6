/** One blob on its way into a layout: under a name of its own until it is whole, hashed and durable. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { writeAll } from '../blobs/fs-write.ts'
import { AppError, isAppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { takeChunks } from '../lib/chunks.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestFromHash, newHash } from '../oci/digest.ts'
import type { BlobSink } from '../oci/repository.ts'

/** So many bytes that are read are written at once. */
const WRITE_BYTES = 1024 * 1024

export interface SinkOptions {
  readonly title: string
  readonly temporary: string
  readonly path: string
  /** Its bytes are on the disk under their name. */
  readonly onStored: (bytes: number) => void
}

export async function openSink(blob: Descriptor, o: SinkOptions): Promise<BlobSink> {
  const { title, temporary, path } = o
  const algorithm = algorithmOf(blob.digest)
  const handle = await open(temporary, 'wx', 0o666).catch(failing(title))
  let hash = newHash(algorithm)
  let at = 0
  let isOpen = true

  async function close(): Promise<void> {
    if (!isOpen) return
    isOpen = false
    await handle.close()
    await rm(temporary, { force: true })
  }

  return {
    order: 'sequential',
    get missing() {
      return at < blob.size ? [{ from: at, to: blob.size }] : []
    },
    async write(offset, body, { signal } = {}) {
      const chunks = takeChunks(body)
      try {
        if (offset !== at && offset !== 0) {
          throw new AppError('RANGE_INVALID', `${title}: got bytes of ${blob.digest} from ${offset} on, want ${at}`)
        }
        if (offset !== at) {
          // The source has begun again.
          await handle.truncate(0).catch(failing(title))
          hash = newHash(algorithm)
          at = 0
        }
        at = await writeBody(handle, { at, chunks, hash, size: blob.size, signal, title })
      } catch (error) {
        await chunks.cancel(error).catch(() => {})
        const end = error instanceof PartlyWritten ? error : undefined
        at = end?.at ?? at
        throw end?.cause ?? error
      }
    },
    async commit() {
      const got = digestFromHash(algorithm, hash.copy())
      if (at !== blob.size) throw new AppError('SIZE_INVALID', `${blob.digest} has ${at} bytes, want ${blob.size}`)
      if (got !== blob.digest) throw new AppError('DIGEST_INVALID', `content hashes to ${got}, want ${blob.digest}`)
      await handle.sync().catch(failing(title))
      await rename(temporary, path).catch(failing(title))
      o.onStored(at)
      await close()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

class PartlyWritten extends Error {
  readonly at: number

  constructor(at: number, cause: unknown) {
    super('the body ended early', { cause })
    this.at = at
  }
}

/** What arrived before an error stays, so that it can be gone on with. */
async function writeBody(
  handle: FileHandle,
  o: {
    readonly at: number
    readonly chunks: ReturnType<typeof takeChunks>
    readonly hash: ReturnType<typeof newHash>
    readonly size: number
    readonly signal: AbortSignal | undefined
    readonly title: string
  },
): Promise<number> {
  let { at } = o
  let held: Uint8Array[] = []
  let heldBytes = 0
  const flush = async () => {
    if (heldBytes === 0) return
    const [only] = held
    const bytes = held.length === 1 && only !== undefined ? only : Buffer.concat(held)
    held = []
    heldBytes = 0
    await writeAll(handle, bytes, at).catch(failing(o.title))
    o.hash.update(bytes)
    at += bytes.byteLength
  }
  try {
    for (;;) {
      if (o.signal?.aborted) throw cancelledBy(o.signal)
      const chunk = await o.chunks.next()
      if (chunk === undefined) break
      if (at + heldBytes + chunk.byteLength > o.size) {
        throw new AppError('SIZE_INVALID', `${o.title}: a blob goes on after ${o.size} bytes, want no more`)
      }
      held.push(chunk)
      heldBytes += chunk.byteLength
      if (heldBytes >= WRITE_BYTES) await flush()
    }
    await flush()
    return at
  } catch (error) {
    await flush().catch(() => {})
    throw new PartlyWritten(at, error)
  }
}

/** A disk that is full is told as such. */
export function failing(title: string): (error: unknown) => never {
  return (error) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (isAppError(error) || (code !== 'ENOSPC' && code !== 'EDQUOT')) throw error
    throw new AppError('STORAGE_FULL', `${title}: there is no room left on its disk`, { cause: error })
  }
}
