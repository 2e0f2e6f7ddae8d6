import { AppError, type ErrorCode, isAppError } from '../../errors.ts'
import { type Backoff, backoffMs, type Sleep, systemSleep } from '../../lib/retry.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Abortable, BlobSink, RepositoryReader, RepositoryWriter } from '../../oci/repository.ts'
import { counted } from './counted-stream.ts'
import { refuseCrumbs } from './crumbs.ts'
import { fillByPieces } from './fetch-pieces.ts'

/** How many answers in a row may bring no byte further than was reached before: of a blob that is soon fetched anew, some. */
const maxEmptyBodies = ({ size }: Descriptor) => (size <= 8 * 1024 * 1024 ? 2 : 1)
/** What a download that was taken up in its middle may end with because of how it was taken up. */
const WRONG_MIDDLE: readonly ErrorCode[] = [
  'DIGEST_INVALID',
  'SIZE_INVALID',
  'RANGE_INVALID',
  'UPSTREAM_INVALID',
  'TARGET_INVALID',
]
/** Writes in a row that may leave a target as far as it was: what is sent once more is read here, and costs no upstream anything. */
const MAX_EMPTY_WRITES = 4
const BACKOFF: Backoff = { firstMs: 1000, factor: 3, maxMs: 30_000 }

const IN_ROW = { order: 'sequential' } as const
/** Readers, which live for one pass, whose registry has answered a range with something else. */
const RANGELESS = new WeakSet<RepositoryReader>()

export interface BlobTransfer extends Abortable {
  readonly reader: RepositoryReader
  readonly writer: RepositoryWriter
  /** Who has the blob, for messages: `upstream` when left out. */
  readonly source?: string
  /** Each piece as it arrives, in bytes. */
  onBytes(bytes: number): void
  /** All bytes are here: what is left asks upstream for nothing, unless they are wrong. */
  onRead?(): void
  /** Of pieces of large blobs, in bytes; for tests. */
  readonly pieceBytes?: number
  readonly sleep?: Sleep
}

/**
 * Brings one blob here, going on where an earlier try ended as long as each answer brings bytes. What was taken up in its middle
 * and turns out wrong is fetched once more from byte 0.
 * @returns whether bytes were fetched; false when it was here
 * @throws AppError DIGEST_INVALID, SIZE_INVALID, and what reader and writer throw
 */
export async function fetchBlob(blob: Descriptor, o: BlobTransfer): Promise<boolean> {
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  // In one row, whatever the sink would take: the registry has not served ranges, or something went wrong with them.
  let isInRow = RANGELESS.has(o.reader)
  for (let isFresh = false; ; isFresh = true) {
    let sink: BlobSink | 'present' = await o.writer.stageBlob(blob, {
      ...abortable,
      ...(isInRow || isFresh ? IN_ROW : {}),
    })
    if (sink === 'present') return false
    const download: Download = { isFresh, isResumed: !isFresh && startOf(sink, blob) > 0 }
    try {
      if (sink.order === 'any') {
        download.isResumed = true
        if (!(await fillByPieces(sink, blob, o))) {
          RANGELESS.add(o.reader)
          isInRow = true
          await sink.close()
          sink = 'present'
          sink = await o.writer.stageBlob(blob, { ...abortable, ...IN_ROW })
          if (sink === 'present') return false
        }
      }
      await fill(sink, blob, download, o)
      o.onRead?.()
      await sink.commit(abortable)
      return true
    } catch (error) {
      const isMiddle = WRONG_MIDDLE.some((code) => isAppError(error, code))
      if (!download.isResumed || !isMiddle || isFresh || o.signal?.aborted) throw error
    } finally {
      if (sink !== 'present') await sink.close()
    }
  }
}

interface Download {
  /** The first answer is asked for from byte 0, whatever an earlier try left. */
  readonly isFresh: boolean
  /** Some of the bytes came with another answer than others. */
  isResumed: boolean
}

/** Where the sink wants to go on, in bytes. */
function startOf(sink: BlobSink, blob: Descriptor): number {
  return sink.missing[0]?.from ?? blob.size
}

async function fill(sink: BlobSink, blob: Descriptor, download: Download, o: BlobTransfer): Promise<void> {
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const { source = 'upstream', sleep = systemSleep } = o
  // A registry that starts over each time makes progress only where it gets further than before.
  let reached = download.isFresh ? 0 : startOf(sink, blob)
  let emptyBodies = 0
  for (let bodies = 1; ; bodies++) {
    const from = bodies === 1 && download.isFresh ? 0 : startOf(sink, blob)
    if (from >= blob.size) return
    const body = await o.reader.openBlob(blob, { ...abortable, ...(from === 0 ? {} : { offset: from }) })
    if (body.totalBytes !== blob.size) {
      await body.stream.cancel()
      throw new AppError(
        'SIZE_INVALID',
        `${source}'s blob ${blob.digest} has ${body.totalBytes} bytes, want ${blob.size}`,
      )
    }
    download.isResumed ||= body.offset > 0
    let broken: unknown
    try {
      await sink.write(body.offset, counted(body.stream, o.onBytes), abortable)
    } catch (error) {
      if (!isBreak(error) || o.signal?.aborted) throw error
      broken = error
    }
    const now = startOf(sink, blob)
    emptyBodies = now > reached ? 0 : emptyBodies + 1
    reached = Math.max(reached, now)
    if (broken === undefined && emptyBodies > 0) {
      throw new AppError('SIZE_INVALID', `${source}'s blob ${blob.digest} ended at byte ${now}, want ${blob.size}`)
    }
    const isTargets = broken !== undefined && !isAppError(broken, 'UPSTREAM_UNAVAILABLE')
    if (broken !== undefined && emptyBodies > (isTargets ? MAX_EMPTY_WRITES : maxEmptyBodies(blob))) throw broken
    if (isTargets && emptyBodies > 0) await sleep(backoffMs(emptyBodies, BACKOFF, Math.random), o.signal)
    if (now < blob.size) refuseCrumbs(blob, { bodies, bytes: reached, cause: broken })
  }
}

/** It may be gone on with: where the bytes come from broke off, or where they go to. */
function isBreak(error: unknown): boolean {
  return BREAKS.some((code) => isAppError(error, code))
}

const BREAKS: readonly ErrorCode[] = ['UPSTREAM_UNAVAILABLE', 'TARGET_UNAVAILABLE', 'TARGET_RATE_LIMITED']
