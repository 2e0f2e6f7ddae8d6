/** `/v2/<name>/manifests/<reference>`: distribution-spec end-3, end-7 and end-9. */
import type { RepositoryManifest } from '../../db/content/manifests.ts'
import { AppError } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import { parseReference, parseTag, type Tag } from '../../oci/reference.ts'
import { deleteManifest, getAskedManifest, putManifest, unknownManifest } from '../../registry/manifests.ts'
import { deleteTag } from '../../registry/tags.ts'
import type { Granted, GrantedPresent } from './authorize.ts'
import { API_VERSION, type Call, type OciDependencies } from './call.ts'
import { expectedDigests, isUnmodified } from './conditions.ts'
import { readBody } from './request-body.ts'

/** More tags than this in one PUT by digest are refused with 414; the spec wants ten or more to be taken. */
const MAX_TAG_PARAMETERS = 100

/** GET and HEAD: the stored bytes as they are, whatever `Accept` says; a conversion would change the digest. */
export async function serveManifest(
  deps: OciDependencies,
  call: Call,
  { repository }: GrantedPresent,
): Promise<Response> {
  const reference = parseReference(call.route.last)
  const manifest = await getAskedManifest(deps, repository.id, reference)
  const isLook = call.request.method === 'HEAD'
  const isKnown = isUnmodified(call.request, manifest.digest)
  const bytes = isLook || isKnown ? 0 : manifest.sizeBytes
  deps.pulls.noteManifest(repository.id, manifest, { tag: reference.tag, isLook, bytes })
  if (isKnown) return new Response(null, { status: 304, headers: factsOf(manifest.digest) })
  return new Response(isLook ? null : new Uint8Array(manifest.bytes), { headers: manifestHeaders(manifest) })
}

function factsOf(digest: Digest) {
  return { 'Docker-Content-Digest': digest, ETag: `"${digest}"`, ...API_VERSION }
}

/** Of a GET or HEAD. */
export function manifestHeaders({
  digest,
  mediaType,
  sizeBytes,
}: Pick<RepositoryManifest, 'digest' | 'mediaType' | 'sizeBytes'>) {
  return { ...factsOf(digest), 'Content-Type': mediaType, 'Content-Length': String(sizeBytes) }
}

/** The answer where the repository itself is absent. @throws AppError MANIFEST_INVALID, TAG_INVALID, DIGEST_INVALID */
export function absentManifest({ route }: Call): AppError {
  return unknownManifest(parseReference(route.last))
}

/** PUT by tag, or by digest with `?tag=` parameters. */
export async function storeManifest(deps: OciDependencies, call: Call, granted: Granted): Promise<Response> {
  const { request, route } = call
  const reference = parseReference(route.last)
  const tags = tagParameters(route.query, reference.digest !== undefined)
  const { name, destination } = granted
  const bytes = await readBody(call, MAX_MANIFEST_BYTES, deps.idleTimeoutMs)
  const contentType = request.headers.get('content-type')
  const stored = await putManifest(deps, destination, {
    reference,
    tags,
    contentType,
    bytes,
    expect: expectedDigests(request),
  })
  const headers = new Headers({
    Location: `/v2/${name}/manifests/${stored.digest}`,
    'Docker-Content-Digest': stored.digest,
  })
  if (stored.subject !== undefined) headers.set('OCI-Subject', stored.subject)
  for (const tag of tags) headers.append('OCI-Tag', tag)
  return new Response(null, { status: 201, headers })
}

/** A PUT by tag ignores the parameter. @throws AppError TAG_INVALID, TOO_MANY_TAGS */
function tagParameters(query: URLSearchParams, isByDigest: boolean): Tag[] {
  if (!isByDigest) return []
  const tags = [...new Set(query.getAll('tag'))]
  if (tags.length > MAX_TAG_PARAMETERS) {
    throw new AppError('TOO_MANY_TAGS', `the request names ${tags.length} tags, want at most ${MAX_TAG_PARAMETERS}`)
  }
  return tags.map(parseTag)
}

/** DELETE: a tag alone, or a digest with its tags. */
export async function removeManifest(
  deps: OciDependencies,
  call: Call,
  { destination, repository }: GrantedPresent,
): Promise<Response> {
  const reference = parseReference(call.route.last)
  if (reference.tag !== undefined) await deleteTag(deps, destination, repository, reference.tag)
  else await deleteManifest(deps, destination, repository, reference.digest)
  return new Response(null, { status: 202 })
}
