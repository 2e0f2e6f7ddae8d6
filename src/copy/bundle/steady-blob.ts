/** The bytes of a blob in one stream, however often the connection to its source breaks on the way. */
import { isAppError, isCancelled } from '../../errors.ts'
import { type Chunks, streamOf, takeChunks } from '../../lib/chunks.ts'
import { backoffMs, systemSleep } from '../../lib/retry.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Abortable, RepositoryReader } from '../../oci/repository.ts'

/** In a row, with nothing that came in between. */
const MAX_FAILURES = 5
const BACKOFF = { firstMs: 250, factor: 2, maxMs: 10_000 }

/** @throws AppError what the source throws, once it has failed too often or for good; the digest is not checked here */
export function openSteadyBlob(
  reader: RepositoryReader,
  blob: Descriptor,
  { signal }: Abortable,
): ReadableStream<Uint8Array> {
  const abortable: Abortable = signal === undefined ? {} : { signal }
  let current: Chunks | undefined
  /** Bytes that have been given out, and those that come again first. */
  let at = 0
  let skip = 0
  let failures = 0

  async function open(): Promise<Chunks> {
    const body = await reader.openBlob(blob, { ...abortable, ...(at === 0 ? {} : { offset: at }) })
    skip = at - body.offset
    return takeChunks(body.stream)
  }

  return streamOf({
    async next() {
      for (;;) {
        try {
          current ??= await open()
          const chunk = await current.next()
          if (chunk === undefined) return undefined
          const fresh = chunk.subarray(Math.min(skip, chunk.byteLength))
          skip -= chunk.byteLength - fresh.byteLength
          if (fresh.byteLength === 0) continue
          at += fresh.byteLength
          failures = 0
          return fresh
        } catch (error) {
          current = undefined
          if (isCancelled(error) || !isAppError(error, 'UPSTREAM_UNAVAILABLE') || ++failures > MAX_FAILURES) throw error
          await systemSleep(backoffMs(failures, BACKOFF, Math.random), signal)
        }
      }
    },
    cancel: async (reason) => {
      await current?.cancel(reason)
    },
  })
}
