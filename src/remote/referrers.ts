import { AppError, messageOf } from '../errors.ts'
import { discard, readBytes, readExcerpt } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/manifest.ts'
import { bareMediaType, MediaType } from '../oci/media-types.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { ReferrerList } from '../oci/repository.ts'
import { type Page, walkPages } from './pages.ts'
import type { RegistrySession } from './session.ts'

/** An error of the specification; a registry without this route answers 404 in other words. */
const UNKNOWN_CODE = /"(NAME|MANIFEST|BLOB)_UNKNOWN"/

/** Besides 404 and these a redirect off the registry (GHCR's 303 to its web page) or another Content-Type means "no such API". */
const UNSUPPORTED: ReadonlySet<number> = new Set([400, 405, 406])

interface ListOptions {
  readonly known?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The referrers of a subject by the API (distribution-spec "Listing Referrers"), with artifactType and annotations as
 * listed. `version` is the ETag, where there is one and the list has a single page.
 * @returns 'unsupported' when the answer shows that the registry has no such API; 'absent' when it does not know the repository
 *   or the subject (the specification wants an empty list then), which tells nothing about other subjects
 * @throws AppError for 401, 429, 5xx and whatever else leaves a doubt
 */
export async function listReferrersByApi(
  session: RegistrySession,
  name: RepositoryName,
  subject: Descriptor,
  { known, signal }: ListOptions,
): Promise<'unsupported' | 'absent' | ReferrerList> {
  const what = `${name}: referrers of ${subject.digest}`
  const title = `${session.address.host}: ${what}`
  const url = new URL(`/v2/${name}/referrers/${subject.digest}`, session.address.base)
  const request = { method: 'GET', scope: `repository:${name}:pull`, redirect: 'same-origin', signal, what } as const
  const headers = { accept: MediaType.ociIndex, ...(isETag(known) ? { 'if-none-match': known } : {}) }

  const response = await session.send({ ...request, url, headers })
  if (response.status === 304 && isETag(known)) {
    await discard(response)
    return 'unchanged'
  }
  if (response.status === 404) return UNKNOWN_CODE.test(await readExcerpt(response)) ? 'absent' : 'unsupported'
  const isIndex = bareMediaType(response.headers.get('content-type') ?? '') === MediaType.ociIndex
  const isRedirect = response.status >= 300 && response.status < 400 && response.status !== 304
  if (UNSUPPORTED.has(response.status) || isRedirect || (response.status === 200 && !isIndex)) {
    await discard(response)
    return 'unsupported'
  }
  if (response.status !== 200) throw await session.failure(response, request)

  const first = await pageOf(response, title)
  const etag = first.link === null ? response.headers.get('etag') : null
  // It is kept, so it must not be a secret that comes back.
  const version = etag !== null && (await session.isPlain(etag)) ? etag : undefined
  if (version !== undefined && version === known) return 'unchanged'
  const load = async (page: URL): Promise<Page<Descriptor>> => {
    if (page === url) return first
    const next = await session.send({ ...request, url: page, headers: { accept: MediaType.ociIndex } })
    if (next.status !== 200) throw await session.failure(next, request)
    return await pageOf(next, title)
  }
  const items = walkPages(url, load, { keyOf: ({ digest }) => digest, what: title })
  return version === undefined ? { items } : { version, items }
}

async function pageOf(response: HttpResponse, title: string): Promise<Page<Descriptor>> {
  const bytes = await readBytes(response, MAX_MANIFEST_BYTES, title)
  try {
    return { items: parseManifest(bytes, MediaType.ociIndex).children, link: response.headers.get('link') }
  } catch (error) {
    throw new AppError('UPSTREAM_INVALID', `${title}: the list is not an OCI index: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function isETag(text: string | undefined): text is string {
  return text !== undefined && /^(W\/)?"/.test(text)
}
