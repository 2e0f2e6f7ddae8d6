import { AppError, isAppError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Abortable, BlobSink, RepositoryReader, RepositoryWriter } from '../oci/repository.ts'

/** How often a body that broke off is taken up again where it ended. */
const MAX_BODIES = 5
/** Of these, how many in a row may bring no bytes at all: one may be a stumble. */
const MAX_EMPTY_BODIES = 1

export interface BlobTransfer extends Abortable {
  readonly reader: RepositoryReader
  readonly writer: RepositoryWriter
  /** Each piece as it arrives, in bytes. */
  onBytes(bytes: number): void
}

/**
 * Brings one blob here, going on where an earlier try ended.
 * @returns whether bytes were fetched; false when it was here
 * @throws AppError DIGEST_INVALID, SIZE_INVALID, and what reader and writer throw
 */
export async function fetchBlob(blob: Descriptor, o: BlobTransfer): Promise<boolean> {
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  for (let isRetry = false; ; isRetry = true) {
    const sink = await o.writer.stageBlob(blob, abortable)
    if (sink === 'present') return false
    const isResumed = (sink.missing[0]?.from ?? blob.size) > 0 && blob.size > 0
    try {
      await fill(sink, blob, o)
      await sink.commit(abortable)
      return true
    } catch (error) {
      // What an earlier try left may be what is wrong; the sink has dropped it, so once more from the start.
      if (isRetry || !isResumed || !isAppError(error, 'DIGEST_INVALID')) throw error
    } finally {
      await sink.close()
    }
  }
}

async function fill(sink: BlobSink, blob: Descriptor, o: BlobTransfer): Promise<void> {
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  let emptyBodies = 0
  for (let bodies = 1; ; bodies++) {
    const [range] = sink.missing
    if (range === undefined) return
    const body = await o.reader.openBlob(blob, { ...abortable, ...(range.from === 0 ? {} : { offset: range.from }) })
    if (body.totalBytes !== blob.size) {
      await body.stream.cancel()
      throw new AppError(
        'SIZE_INVALID',
        `upstream's blob ${blob.digest} has ${body.totalBytes} bytes, want ${blob.size}`,
      )
    }
    try {
      await sink.write(body.offset, counted(body.stream, o.onBytes), abortable)
    } catch (error) {
      const isBroken = isAppError(error, 'UPSTREAM_UNAVAILABLE') && !o.signal?.aborted
      emptyBodies = (sink.missing[0]?.from ?? blob.size) > range.from ? 0 : emptyBodies + 1
      if (!isBroken || emptyBodies > MAX_EMPTY_BODIES || bodies >= MAX_BODIES) throw error
      continue
    }
    if ((sink.missing[0]?.from ?? blob.size) <= range.from) {
      throw new AppError(
        'SIZE_INVALID',
        `upstream's blob ${blob.digest} ended at byte ${range.from}, want ${blob.size}`,
      )
    }
  }
}

/** The same bytes, counted as they pass. */
function counted(stream: ReadableStream<Uint8Array>, onBytes: (bytes: number) => void): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) {
          controller.close()
          return
        }
        onBytes(value.byteLength)
        controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
