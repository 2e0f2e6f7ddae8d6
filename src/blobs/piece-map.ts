/** Which bytes of a stage are there, when they come in pieces: ranges in order that neither touch nor overlap. Pure. */
import type { ByteRange } from '../oci/repository.ts'

/** With one more range; what it touches or overlaps becomes one with it. */
export function withPiece(ranges: readonly ByteRange[], piece: ByteRange): ByteRange[] {
  if (piece.from >= piece.to) return [...ranges]
  let { from, to } = piece
  const apart = ranges.filter((range) => {
    if (range.to < from || range.from > to) return true
    from = Math.min(from, range.from)
    to = Math.max(to, range.to)
    return false
  })
  return [...apart, { from, to }].sort((a, b) => a.from - b.from)
}

/** What is not there of the first `sizeBytes`. */
export function missingPieces(ranges: readonly ByteRange[], sizeBytes: number): ByteRange[] {
  const missing: ByteRange[] = []
  let at = 0
  for (const { from, to } of ranges) {
    if (from > at) missing.push({ from: at, to: Math.min(from, sizeBytes) })
    at = Math.max(at, to)
  }
  if (at < sizeBytes) missing.push({ from: at, to: sizeBytes })
  return missing.filter(({ from, to }) => from < to)
}

export function countBytes(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0)
}

/** One record of the map as it is kept: appended once the bytes are durable. */
export function formatPiece({ from, to }: ByteRange): string {
  return `${from} ${to}\n`
}

/**
 * The map from its records. A record that power loss has torn does not end in a line's end; and what goes beyond the stage's file
 * is not there, whatever is written.
 */
export function parsePieces(text: string, fileBytes: number): ByteRange[] {
  let ranges: ByteRange[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    const match = /^(\d{1,15}) (\d{1,15})$/.exec(line)
    if (match === null) continue
    ranges = withPiece(ranges, { from: Number(match[1]), to: Math.min(Number(match[2]), fileBytes) })
  }
  return ranges
}
