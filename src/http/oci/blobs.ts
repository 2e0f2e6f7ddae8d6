/** `/v2/<name>/blobs/<digest>`: distribution-spec end-2 and end-10. */
import { AppError, isAppError } from '../../errors.ts'
import { type Digest, parseDigest } from '../../oci/digest.ts'
import { parseRange } from '../../oci/range.ts'
import { deleteBlob, getAskedBlob, unknownBlob } from '../../registry/blobs.ts'
import { noticeDamage } from '../../registry/notice-damage.ts'
import type { GrantedPresent } from './authorize.ts'
import { API_VERSION, type Call, type OciDependencies } from './call.ts'
import { isUnmodified } from './conditions.ts'
import { withHeaders } from './refusal.ts'

/**
 * Bun starts this time anew whenever the socket takes bytes of a file. The kernel holds a few megabytes between us and the
 * reader, so that a reader of some 20 KiB/s is still seen to go on.
 */
export const SEND_IDLE_SECONDS = 240

/** GET and HEAD. A staged blob, or one of another repository, is absent. */
export async function serveBlob(deps: OciDependencies, call: Call, { repository }: GrantedPresent): Promise<Response> {
  const { request, route, server } = call
  const digest = parseDigest(route.last)
  const blob = await getAskedBlob(deps, repository.id, digest)
  const size = blob.size_bytes
  if (isUnmodified(request, digest)) return new Response(null, { status: 304, headers: factsOf(digest) })
  if (request.method === 'HEAD') return new Response(null, { headers: lookHeaders(digest, size) })
  const headers: Record<string, string> = bodyHeaders(digest)
  const range = rangeOf(request, size)
  if (range !== undefined) headers['Content-Range'] = `bytes ${range.from}-${range.to - 1}/${size}`
  const sent = range ?? { from: 0, to: size }
  const link = await deps.blobs.findLink?.(blob.storage_key, sent.to - sent.from)
  // The client asks there for the range that it asked us for (RFC 9110 §15.4.8). The address is for this client, and this moment.
  if (link !== undefined) {
    deps.pulls.noteBytes(repository.id, sent.to - sent.from)
    const redirected = { ...API_VERSION, 'Docker-Content-Digest': digest, 'Cache-Control': 'no-store', Location: link }
    return new Response(null, { status: 307, headers: redirected })
  }
  server?.timeout(request, SEND_IDLE_SECONDS)
  const body = await deps.blobs.openBody(blob.storage_key, range, size).catch(async (error) => {
    // Whoever pushes it again heals it: it is absent from now on.
    if (isAppError(error, 'BLOB_UNKNOWN') && (await noticeDamage(deps, blob))) throw unknownBlob(digest)
    throw error
  })
  deps.pulls.noteBytes(repository.id, sent.to - sent.from)
  if (body instanceof ReadableStream) headers['Content-Length'] = String(sent.to - sent.from)
  return new Response(body, { status: range === undefined ? 200 : 206, headers })
}

function factsOf(digest: Digest) {
  return {
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    'Cache-Control': 'max-age=31536000',
    ...API_VERSION,
  }
}

/** Of a HEAD. @param size in bytes */
export function lookHeaders(digest: Digest, size: number) {
  return {
    ...factsOf(digest),
    'Content-Type': 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    'Content-Length': String(size),
  }
}

/** Of a GET. */
export function bodyHeaders(digest: Digest) {
  return {
    ...factsOf(digest),
    'Content-Type': 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    // Bun would name the file in a header of its own; and no browser shall render what people pushed.
    'Content-Disposition': 'attachment',
  }
}

function rangeOf(request: Request, size: number) {
  try {
    return parseRange(request.headers.get('range'), size)
  } catch (error) {
    throw error instanceof AppError ? withHeaders(error, { 'Content-Range': `bytes */${size}` }) : error
  }
}

/** The answer where the repository itself is absent. @throws AppError DIGEST_INVALID */
export function absentBlob({ route }: Call): AppError {
  return unknownBlob(parseDigest(route.last))
}

/** DELETE: takes the blob out of this repository. */
export async function removeBlob(deps: OciDependencies, call: Call, { repository }: GrantedPresent): Promise<Response> {
  const digest = parseDigest(call.route.last)
  await deleteBlob(deps.db, repository, digest)
  return new Response(null, { status: 202 })
}
