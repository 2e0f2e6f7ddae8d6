import { AppError } from '../errors.ts'
import { clipped, quoted } from '../lib/quoted.ts'
import { discard } from '../net/bounded-body.ts'
import { emptyBody } from '../net/idle-body.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable, BlobBody } from '../oci/repository.ts'
import { exactBody } from './exact-body.ts'
import { refuseEncoded } from './manifests.ts'
import type { RegistrySession } from './session.ts'

/**
 * The raw bytes of a blob, or of a range of it (distribution-spec "Pulling Blobs"; RFC 9110 section 14). A registry may
 * ignore the range: the answer then starts at offset 0. The stream fails unless it has exactly `length` bytes; it is not hashed here.
 * @throws AppError UPSTREAM_NOT_FOUND when the blob is absent, UPSTREAM_INVALID for a range or size that was not asked for
 */
export async function openBlob(
  session: RegistrySession,
  name: RepositoryName,
  blob: Descriptor,
  o: Abortable & { readonly offset?: number; readonly length?: number },
): Promise<BlobBody> {
  const offset = Math.min(o.offset ?? 0, blob.size)
  const length = Math.min(o.length ?? blob.size, blob.size - offset)
  if (length === 0 && blob.size > 0) return { stream: emptyBody(), offset, length, totalBytes: blob.size }
  const isWhole = length === blob.size
  const request = {
    method: 'GET',
    url: new URL(`/v2/${name}/blobs/${blob.digest}`, session.address.base),
    scope: `repository:${name}:pull`,
    headers: isWhole ? {} : { range: `bytes=${offset}-${offset + length - 1}` },
    signal: o.signal,
    lane: 'bulk',
    what: `${name} blob ${blob.digest}`,
  } as const
  const response = await session.send(request)
  if (response.status !== 200 && (response.status !== 206 || isWhole)) throw await session.failure(response, request)
  const title = `${session.address.host}: ${request.what}`
  try {
    refuseEncoded(response, title)
    const range =
      response.status === 200
        ? wholeRange(response.headers, blob, title)
        : partOf(response.headers, { offset, length }, blob, title)
    return { ...range, stream: exactBody(response.body, range.length, title, session.redacted), totalBytes: blob.size }
  } catch (error) {
    await discard(response)
    throw error
  }
}

interface Range {
  readonly offset: number
  readonly length: number
}

function wholeRange(headers: Headers, blob: Descriptor, title: string): Range {
  const length = headers.get('content-length')
  if (length !== null && Number(length) !== blob.size) {
    throw new AppError(
      'UPSTREAM_INVALID',
      `${title} has ${clipped(length, 40)} bytes, its descriptor says ${blob.size}`,
    )
  }
  return { offset: 0, length: blob.size }
}

/** A part may be shorter than what was asked for, but must start where it was asked to. */
function partOf(headers: Headers, asked: Range, blob: Descriptor, title: string): Range {
  const header = headers.get('content-range') ?? ''
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(header)
  const [first, last] = [Number(match?.[1]), Number(match?.[2])]
  const fits = first === asked.offset && last >= first && last < asked.offset + asked.length
  if (match !== null && fits && (match[3] === '*' || Number(match[3]) === blob.size)) {
    return { offset: first, length: last - first + 1 }
  }
  throw new AppError(
    'UPSTREAM_INVALID',
    `${title}: Content-Range is ${quoted(header, 100)}, want bytes ${asked.offset}-${asked.offset + asked.length - 1}/${blob.size}`,
  )
}
