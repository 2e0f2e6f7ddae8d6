/** Byte ranges of downloads (RFC 9110 section 14) and of chunked uploads (distribution-spec "Pushing a blob in chunks"). */
import { AppError } from '../errors.ts'
import type { ByteRange } from './repository.ts'

const SINGLE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i

/**
 * The one range that a `Range` header asks for. Undefined means: answer with the whole content, as for a header of
 * another unit, of several ranges (a non-multipart 206 would be read as one stream) or one that cannot be read.
 * An end past the content is cut.
 * @throws AppError RANGE_INVALID when the range starts past the content or ends before it starts (`bytes=500-0`)
 */
export function parseRange(header: string | null, sizeBytes: number): ByteRange | undefined {
  const match = header === null ? null : SINGLE_RANGE.exec(header)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const suffix = Number(last)
    if (suffix === 0 || sizeBytes === 0) throw unsatisfiable(header, sizeBytes)
    return { from: Math.max(0, sizeBytes - suffix), to: sizeBytes }
  }
  const from = Number(first)
  const to = last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1)
  if (from >= sizeBytes || (last !== '' && Number(last) < from)) throw unsatisfiable(header, sizeBytes)
  return { from, to }
}

function unsatisfiable(header: string | null, sizeBytes: number): AppError {
  return new AppError('RANGE_INVALID', `range ${header} is outside of the content, which has ${sizeBytes} bytes`, {
    detail: { sizeBytes },
  })
}

const CHUNK_RANGE = /^(\d{1,15})-(\d{1,15})$/

/**
 * The place of an uploaded chunk, from its `Content-Range: <first>-<last>` (both inclusive, no unit).
 * @throws AppError RANGE_INVALID when it cannot be read or ends before it starts
 */
export function parseChunkRange(header: string | null): ByteRange | undefined {
  if (header === null) return undefined
  const match = CHUNK_RANGE.exec(header.trim())
  const from = Number(match?.[1])
  const last = Number(match?.[2])
  if (match === null || last < from) {
    throw new AppError(
      'RANGE_INVALID',
      `Content-Range is ${JSON.stringify(header.slice(0, 80))}, want <first byte>-<last byte>`,
    )
  }
  return { from, to: last + 1 }
}

/** `Range` of an upload session's answers: the bytes that it holds; `0-0` also before the first one, as Docker's registry does. */
export function formatUploadRange(offsetBytes: number): string {
  return `0-${Math.max(0, offsetBytes - 1)}`
}
