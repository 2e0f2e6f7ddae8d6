/**
 * The objects of a stage on S3. A part is written once and never changed; its name says which bytes of the stage it has, and when its writer began.
 * A request that was given up may still be carried out later, so that parts of an older time can turn up beside newer ones: whoever appends after
 * a failure, a cut or a new start has a later time, and a stage never goes from a later one back to an earlier one. Pure.
 */
import { randomHex } from '../../lib/ids.ts'
import type { ByteRange } from '../../oci/repository.ts'
import { STORAGE_KEY } from '../names.ts'
import { withPiece } from '../piece-map.ts'

export interface Part extends ByteRange {
  readonly key: string
  /** In milliseconds, or one more than what was there. */
  readonly epoch: number
  /** Appended behind what was there, or written at a place of its own. */
  readonly kind: 'a' | 'p'
}

/** Bytes of a stage and the part that has them. */
export interface Segment extends ByteRange {
  readonly part: Part
}

const NAME = /\/(\d{15})-(\d{10})-(\d{13})-([ap])-[a-f0-9]+$/

export function newPart(
  directory: string,
  { from, to }: ByteRange,
  { epoch, kind }: Pick<Part, 'epoch' | 'kind'>,
): Part {
  const [offset, length] = [String(from).padStart(15, '0'), String(to - from).padStart(10, '0')]
  const key = `${directory}/${offset}-${length}-${String(epoch).padStart(13, '0')}-${kind}-${randomHex(8)}`
  return { key, from, to, epoch, kind }
}

/** Undefined: it is no part, or not as long as it says. */
export function parsePart({ key, sizeBytes }: { readonly key: string; readonly sizeBytes: number }): Part | undefined {
  const match = NAME.exec(key)
  if (match === null || Number(match[2]) !== sizeBytes) return undefined
  const from = Number(match[1])
  return { key, from, to: from + sizeBytes, epoch: Number(match[3]), kind: match[4] === 'p' ? 'p' : 'a' }
}

/** Of a sealed object. */
export function objectPath(key: string): string {
  if (!STORAGE_KEY.test(key)) throw new Error(`not a storage key: ${key}`)
  return `objects/${key}`
}

export const arePieces = (parts: readonly Part[]): boolean => parts.some(({ kind }) => kind === 'p')

export const rangesOf = (parts: readonly Part[]): ByteRange[] => parts.reduce<ByteRange[]>(withPiece, [])

/** What belongs to a stage that was appended to: from 0 on, without a gap. */
export function chainOf(parts: readonly Part[]): Part[] {
  const at = Map.groupBy(parts, ({ from }) => from)
  const chain: Part[] = []
  for (let end = 0, epoch = 0; ; ) {
    const best = (at.get(end) ?? [])
      .filter((part) => part.epoch >= epoch && part.to > end)
      .reduce<Part | undefined>((one, part) => (one === undefined || isLater(part, one) ? part : one), undefined)
    if (best === undefined) return chain
    chain.push(best)
    end = best.to
    epoch = best.epoch
  }
}

const isLater = (part: Part, than: Part) => part.epoch > than.epoch || (part.epoch === than.epoch && part.to > than.to)

/** Where the bytes from 0 to `to` are; ends at the first that is not there. */
export function segmentsOf(parts: readonly Part[], to: number): Segment[] {
  const inOrder = [...parts].sort((a, b) => a.from - b.from)
  const segments: Segment[] = []
  let at = 0
  let next = 0
  let best: Part | undefined
  while (at < to) {
    for (; next < inOrder.length && (inOrder[next] as Part).from <= at; next++) {
      const part = inOrder[next] as Part
      if (best === undefined || part.to > best.to) best = part
    }
    if (best === undefined || best.to <= at) break
    segments.push({ part: best, from: at, to: Math.min(best.to, to) })
    at = best.to
  }
  return segments
}
