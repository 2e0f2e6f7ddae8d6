/** A large blob by parallel ranges, where its registry serves ranges. */
import { AppError, isAppError } from '../../errors.ts'
import { type Sleep, systemSleep } from '../../lib/retry.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Abortable, BlobBody, BlobSink, ByteRange, RepositoryReader } from '../../oci/repository.ts'
import { counted } from './counted-stream.ts'
import { refuseCrumbs } from './crumbs.ts'

export const PIECE_BYTES = 16 * 1024 * 1024
const PIECES_AT_ONCE = 4
/** Answers in a row, of all pieces together, that may bring no byte. */
const MAX_EMPTY_BODIES = 4
/** When nothing is left to begin, a piece that takes so many times as long as the slowest before it is asked for once more. */
const SLOW_FACTOR = 2
const LEAST_PATIENCE_MS = 1_000

export interface PieceTransfer extends Abortable {
  readonly reader: RepositoryReader
  readonly pieceBytes?: number | undefined
  /** For tests. */
  readonly sleep?: Sleep | undefined
  onBytes(bytes: number): void
}

/** A range that is still to be asked for, in pieces of at most `pieceBytes`. */
export interface Rest extends ByteRange {
  readonly pieceBytes: number
}

/** Cuts the next piece off; undefined when nothing is left. A list of pieces would be as long as an upstream says that its blob is. */
export function takePiece(queue: Rest[]): ByteRange | undefined {
  const rest = queue.shift()
  if (rest === undefined) return undefined
  const { from, pieceBytes } = rest
  const to = Math.min(rest.to, from + pieceBytes)
  if (to < rest.to) queue.unshift({ ...rest, from: to })
  return { from, to }
}

interface Active {
  /** In the order of asking. */
  readonly number: number
  readonly from: number
  /** Where its next byte goes. */
  at: number
  readonly to: number
  readonly beganMs: number
  readonly abort: AbortController
  /** The same bytes, asked for once more: whoever has them first ends the other. */
  rival?: Active | undefined
}

/**
 * Fills the sink. A piece that breaks off goes to the end of the queue with what it lacks. One that has brought less than its half when nothing
 * is left to begin, and one that was asked for after it has ended, is slow or stalls: it is asked for again in smaller pieces. So is, beside it, what
 * any of the last ones lacks that takes much longer than those before it.
 * @returns false when the registry gives other ranges than were asked for: the rest is fetched from one byte on
 * @throws AppError what reader and sink throw; UPSTREAM_UNAVAILABLE when pieces break off again and again without bringing bytes
 */
export async function fillByPieces(sink: BlobSink, blob: Descriptor, o: PieceTransfer): Promise<boolean> {
  const { pieceBytes = PIECE_BYTES, sleep = systemSleep } = o
  const queue = sink.missing.map((range): Rest => ({ ...range, pieceBytes }))
  const active = new Set<Active>()
  const ended = new AbortController()
  const whole = o.signal === undefined ? ended.signal : AbortSignal.any([o.signal, ended.signal])
  let [bodies, emptyBodies, bytes] = [0, 0, 0]
  let isRefused = false
  /** Of the pieces that came whole. */
  let slowestMs: number | undefined
  /** The registry has served a range: until then one is asked for alone. */
  let isServing = false
  let changed = Promise.withResolvers<void>()
  const tell = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  async function open({ from, to }: ByteRange, signal: AbortSignal): Promise<BlobBody | undefined> {
    const body = await o.reader.openBlob(blob, { offset: from, length: to - from, signal })
    if (body.totalBytes === blob.size && body.offset === from && body.length <= to - from) return body
    await body.stream.cancel()
    return undefined
  }

  /** @param slow what it is asked for once more beside @returns its number */
  async function fetchPiece(piece: ByteRange, slow?: Active): Promise<number> {
    const beganMs = performance.now()
    const { from, to } = piece
    const me: Active = { number: bodies, from, at: from, to, beganMs, abort: new AbortController() }
    if (slow !== undefined) {
      slow.rival = me
      me.rival = slow
    }
    const signal = AbortSignal.any([whole, me.abort.signal])
    active.add(me)
    bodies++
    try {
      const body = await open(piece, signal)
      if (body === undefined) {
        // Without the one that was asked for more, all is as it was.
        if (slow !== undefined && active.has(slow)) return me.number
        isRefused = true
        ended.abort(new AppError('CANCELLED', 'the registry serves no ranges'))
        return me.number
      }
      isServing = true
      tell()
      const stream = counted(body.stream, (count) => {
        me.at += count
        bytes += count
        o.onBytes(count)
      })
      await sink.write(piece.from, stream, { signal })
    } catch (error) {
      const isHalved = me.abort.signal.aborted && !whole.aborted
      const mayGoOn =
        isHalved ||
        (slow !== undefined && active.has(slow) && !whole.aborted) ||
        (isAppError(error, 'UPSTREAM_UNAVAILABLE') && !whole.aborted)
      if (!mayGoOn) throw error
      emptyBodies = me.at > piece.from || isHalved ? 0 : emptyBodies + 1
      if (emptyBodies > MAX_EMPTY_BODIES) throw error
      refuseCrumbs(blob, { bodies, bytes, cause: error })
    } finally {
      active.delete(me)
    }
    if (me.at > piece.from) emptyBodies = 0
    if (me.at < piece.to) refuseCrumbs(blob, { bodies, bytes })
    else slowestMs = Math.max(slowestMs ?? 0, performance.now() - beganMs)
    const isTogether = me.rival !== undefined && active.has(me.rival)
    if (me.at >= piece.to) me.rival?.abort.abort(new AppError('CANCELLED', 'the piece came by another answer'))
    // Whoever of the two ends last says what both lack.
    else if (isTogether) return me.number
    // What it lacks is what the sink lacks of it: an answer may be shorter than asked for.
    const most = me.abort.signal.aborted ? Math.ceil(pieceBytes / 4) : pieceBytes
    const lacks = sink.missing.flatMap(({ from, to }): Rest[] => {
      const part = { from: Math.max(from, slow?.from ?? piece.from), to: Math.min(to, piece.to), pieceBytes: most }
      return part.from < part.to ? [part] : []
    })
    queue.push(...lacks)
    tell()
    return me.number
  }

  /** Nothing is left to begin, and one that was asked for later has ended: a piece that lacks its half is for others. */
  function halveSlowest(ended: number): void {
    for (const one of active) {
      const isLagging = one.number < ended && one.to - one.at > pieceBytes / 2 && !one.abort.signal.aborted
      if (isLagging) {
        one.abort.abort(new AppError('CANCELLED', 'the piece is asked for again'))
        return
      }
    }
  }

  /** The last pieces that are under way: those among them that it has been begun to wait for. */
  const watched = new Set<Active>()
  function watchLast(): void {
    if (queue.length > 0 || slowestMs === undefined) return
    const patienceMs = Math.max(LEAST_PATIENCE_MS, SLOW_FACTOR * slowestMs)
    for (const one of active) {
      if (watched.has(one) || one.rival !== undefined) continue
      watched.add(one)
      const leftMs = Math.max(0, one.beganMs + patienceMs - performance.now())
      sleep(leftMs, watching.signal)
        .then(() => {
          const isLeft = active.has(one) && !one.abort.signal.aborted && !ended.signal.aborted && one.at < one.to
          if (isLeft) begin(() => fetchPiece({ from: one.at, to: one.to }, one))
        })
        // The transfer is over.
        .catch(() => {})
    }
  }

  async function work(): Promise<void> {
    let last = -1
    for (let piece = takePiece(queue); piece !== undefined && !isRefused; piece = takePiece(queue)) {
      last = await fetchPiece(piece)
    }
    if (!isRefused) halveSlowest(last)
  }

  const workers = new Set<Promise<void>>()
  const errors: unknown[] = []
  const watching = new AbortController()
  const begin = (task: () => Promise<unknown> = work) => {
    const one: Promise<void> = task()
      .then(() => {})
      .catch((error) => {
        errors.push(error)
        ended.abort(new AppError('CANCELLED', 'another piece failed'))
      })
      .finally(() => workers.delete(one))
    workers.add(one)
  }
  for (;;) {
    const most = isServing ? PIECES_AT_ONCE : 1
    // Each takes its piece from the queue as it begins.
    while (queue.length > 0 && workers.size < most && !ended.signal.aborted) begin()
    if (workers.size === 0) break
    watchLast()
    await Promise.race([changed.promise, ...workers])
  }
  watching.abort()
  if (isRefused) return false
  if (errors.length > 0) throw errors[0]
  return true
}
