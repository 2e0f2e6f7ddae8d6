import { AppError } from '../errors.ts'
import { discard, readExcerpt } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { MediaType } from '../oci/media-types.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { ReferrerList } from '../oci/repository.ts'
import { createListingMeter, type Page, walkPages } from './pages.ts'
import { createLeftOut, readReferrersIndex } from './referrers-index.ts'
import type { RegistrySession } from './session.ts'

/** An error of the specification; a registry without this route answers 404 in other words. */
const UNKNOWN_CODE = /"(NAME|MANIFEST|BLOB)_UNKNOWN"/

/**
 * Besides 404 and these a redirect off the registry (GHCR's 303 to its web page) or a body that is no index means "no such API".
 * 501 is Harbor's before 2.8; it is no passing trouble, as 500 and 503 may be.
 */
const UNSUPPORTED: ReadonlySet<number> = new Set([204, 400, 405, 406, 410, 501])
/** One after the other. */
const REDIRECTS_BELIEVED = 3

/** Of all referrers of one subject; one page is 4 MiB by the specification. */
const LIMITS = { entries: 50_000, pageBytes: 8 * 1024 * 1024, bytes: 32 * 1024 * 1024 }

interface ListOptions {
  readonly known?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** It has listed referrers before: what might mean that it has no API is a failure of this request. */
  readonly hasApi: boolean
}

/**
 * The referrers of a subject by the API (distribution-spec "Listing Referrers"), with artifactType and annotations as
 * listed. `version` is the ETag, where there is one and the list has a single page.
 * @returns 'unsupported' when the answer shows that the registry has no such API; 'absent' when it does not know the repository
 *   or the subject (the specification wants an empty list then), which tells nothing about other subjects; 'unauthorized' for a 401
 *   that says no way in (Harbor before 2.8): no such API, unless nothing else may be read either
 * @throws AppError for 401 with a challenge, 403, 429, 5xx and whatever else leaves a doubt
 */
export async function listReferrersByApi(
  session: RegistrySession,
  name: RepositoryName,
  subject: Pick<Descriptor, 'digest'>,
  { known, signal, hasApi }: ListOptions,
): Promise<'unsupported' | 'unauthorized' | 'absent' | ReferrerList> {
  const what = `${name}: referrers of ${subject.digest}`
  const title = `${session.address.host}: ${what}`
  const url = new URL(`/v2/${name}/referrers/${subject.digest}`, session.address.base)
  const request = { method: 'GET', scope: `repository:${name}:pull`, redirect: 'same-origin', signal, what } as const
  const headers = { accept: MediaType.ociIndex, ...(isETag(known) ? { 'if-none-match': known } : {}) }
  const meter = createListingMeter(title, LIMITS)
  const { all: leftOut, leaveOut } = createLeftOut()

  async function pageOf(response: HttpResponse): Promise<Page<Descriptor> | undefined> {
    const contentType = response.headers.get('content-type') ?? ''
    const isEncoded = !/^(identity)?$/i.test(response.headers.get('content-encoding')?.trim() ?? '')
    const o = { contentType, isEncoded, isExpected: hasApi, meter, leaveOut, what: title }
    const index = await readReferrersIndex(response, o)
    return index && { ...index, link: response.headers.get('link') }
  }

  /** A registry without the API redirects each time; what something in between does passes, and is not to be remembered. */
  async function ask(more = REDIRECTS_BELIEVED - 1): Promise<HttpResponse> {
    const answer = await session.send({ ...request, url, headers })
    if (!isRedirect(answer.status) || more === 0) return answer
    await discard(answer)
    return ask(more - 1)
  }

  const response = await ask()
  const { status } = response
  if (status === 304 && isETag(known)) {
    await discard(response)
    return 'unchanged'
  }
  if (status === 404) return UNKNOWN_CODE.test(await readExcerpt(response)) ? 'absent' : 'unsupported'
  const isSilent = status === 401 && !response.headers.has('www-authenticate')
  if ((isSilent || status === 501 || isRedirect(status)) && hasApi) throw await session.failure(response, request)
  if (UNSUPPORTED.has(status) || isRedirect(status) || isSilent) {
    await discard(response)
    return isSilent ? 'unauthorized' : 'unsupported'
  }
  if (status !== 200) throw await session.failure(response, request)

  const first = await pageOf(response)
  if (first === undefined) return 'unsupported'
  const etag = first.link === null ? response.headers.get('etag') : null
  // It is kept, so it must not be a secret that comes back.
  const version = etag !== null && (await session.isPlain(etag)) ? etag : undefined
  if (version !== undefined && version === known) return 'unchanged'
  const load = async (page: URL): Promise<Page<Descriptor>> => {
    if (page === url) return first
    const next = await session.send({ ...request, url: page, headers: { accept: MediaType.ociIndex } })
    if (next.status !== 200) throw await session.failure(next, request)
    const read = await pageOf(next)
    if (read !== undefined) return read
    throw new AppError('UPSTREAM_INVALID', `${title}: the next page is no OCI index`)
  }
  const items = walkPages(url, load, { keyOf: ({ digest }) => digest, what: title })
  return { ...(version === undefined ? {} : { version }), items, leftOut, isByApi: true }
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304
}

function isETag(text: string | undefined): text is string {
  return text !== undefined && /^(W\/)?"/.test(text)
}
