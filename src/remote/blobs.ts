import { AppError } from '../errors.ts'
import { clipped, quoted } from '../lib/quoted.ts'
import { discard } from '../net/bounded-body.ts'
import { brokenOff } from '../net/connection-failure.ts'
import { emptyBody } from '../net/idle-body.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable, BlobBody } from '../oci/repository.ts'
import { exactBody } from './exact-body.ts'
import { encodingOf } from './manifests.ts'
import { askForBytes } from './read-again.ts'
import type { RegistrySession } from './session.ts'

/** Refusals that are not of the range: the blob is not there, not for us, or the registry can take no request now. */
const SAME_WITHOUT_RANGE: ReadonlySet<number> = new Set([401, 404, 408, 429, 499, 502, 503, 504, 522])

/**
 * The raw bytes of a blob, or of a range of it (distribution-spec "Pulling Blobs"; RFC 9110 section 14), never decoded: a
 * Content-Encoding is for the digest to judge. A registry may ignore the range, refuse it, or answer with another one: the
 * answer then starts at offset 0, as the whole blob. The stream fails unless it has exactly `length` bytes; it is not hashed here.
 * @throws AppError UPSTREAM_NOT_FOUND when the blob is absent, UPSTREAM_INVALID for another size, or a part that nobody asked for
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
  const asked = { offset, length }
  const isWhole = length === blob.size
  const request = {
    method: 'GET',
    url: new URL(`/v2/${name}/blobs/${blob.digest}`, session.address.base),
    scope: `repository:${name}:pull`,
    signal: o.signal,
    lane: 'bulk',
    what: `${name} blob ${blob.digest}`,
  } as const
  const title = `${session.address.host}: ${request.what}`
  const send = (headers: Readonly<Record<string, string>>) =>
    askForBytes(() => session.send({ ...request, headers })).catch((error) => {
      throw brokenOff(error, title)
    })

  if (!isWhole) {
    const response = await send({ range: `bytes=${offset}-${offset + length - 1}` })
    const range =
      response.status === 200
        ? wholeRange(response.headers, blob)
        : response.status === 206
          ? partOf(response.headers, asked, blob)
          : undefined
    if (range !== undefined) {
      return {
        ...range,
        stream: exactBody(response.body, range.length, title, session.redacted),
        totalBytes: blob.size,
      }
    }
    if (SAME_WITHOUT_RANGE.has(response.status)) throw await session.failure(response, request)
    await discard(response)
  }

  const response = await send({})
  if (response.status !== 200 && response.status !== 206) throw await session.failure(response, request)
  const range = response.status === 200 ? wholeRange(response.headers, blob) : unaskedRange(response.headers, blob)
  if (range !== undefined && (isWhole || range.length === blob.size)) {
    return { ...range, stream: exactBody(response.body, range.length, title, session.redacted), totalBytes: blob.size }
  }
  await discard(response)
  throw new AppError('UPSTREAM_INVALID', `${title} ${mismatch(response.headers, blob)}`)
}

interface Range {
  readonly offset: number
  readonly length: number
}

/** Undefined when the length says that it is another blob. A chunked body has no length, whatever a header says (RFC 9112 section 6.3). */
function wholeRange(headers: Headers, blob: Descriptor): Range | undefined {
  const length = headers.has('transfer-encoding') ? null : headers.get('content-length')
  return length !== null && Number(length) !== blob.size ? undefined : { offset: 0, length: blob.size }
}

/** A 206 to a request without a range: a part that starts the blob, or the whole of it in other words. */
function unaskedRange(headers: Headers, blob: Descriptor): Range | undefined {
  if (!headers.has('content-range')) return wholeRange(headers, blob)
  return partOf(headers, { offset: 0, length: blob.size }, blob)
}

/** A part may be shorter than what was asked for, but must start where it was asked to, and be of a blob of this size. */
function partOf(headers: Headers, asked: Range, blob: Descriptor): Range | undefined {
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(headers.get('content-range') ?? '')
  if (match === null) return undefined
  const [first, last] = [Number(match[1]), Number(match[2])]
  const fits = first === asked.offset && last >= first && last < asked.offset + asked.length
  const isOfBlob = match[3] === '*' || Number(match[3]) === blob.size
  return fits && isOfBlob ? { offset: first, length: last - first + 1 } : undefined
}

function mismatch(headers: Headers, blob: Descriptor): string {
  const range = headers.get('content-range')
  if (range !== null) return `comes with Content-Range ${quoted(range, 100)}, want the whole blob of ${blob.size} bytes`
  const [length, encoding] = [clipped(headers.get('content-length') ?? '', 40), encodingOf(headers)]
  return `has ${length} bytes, its descriptor says ${blob.size}${encoding === undefined ? '' : `: it ${encoding}`}`
}
