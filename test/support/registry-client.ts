// A registry client of the tests' own: it shares no line with the product, so the product cannot make it agree with a mistake.
import { algorithmOf, digestOf, fallbackTagOf } from './fixtures.ts'
import { openSession, type RegistryAccess, type RegistryAnswer, type RegistryRequest } from './registry-session.ts'

export const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.artifact.manifest.v1+json',
] as const

const indexType = 'application/vnd.oci.image.index.v1+json'

export interface ReferrerDescriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, unknown>>
}

export interface ReferrersList {
  /** Where the list came from: the referrers API, or the index under the fallback tag. */
  readonly source: 'api' | 'fallback'
  readonly items: readonly ReferrerDescriptor[]
}

export interface RegistryClient {
  readonly repository: string
  /** Any request in the repository: `blobs/sha256:…`, `manifests/1.0`; or a full path or URL. Never throws for a status. */
  send(path: string, request?: Partial<RegistryRequest>): Promise<RegistryAnswer>
  getManifest(reference: string): Promise<RegistryAnswer>
  headManifest(reference: string): Promise<RegistryAnswer>
  getBlob(digest: string): Promise<RegistryAnswer>
  headBlob(digest: string): Promise<RegistryAnswer>
  /** POST then PUT; nothing is sent when the repository has the blob. */
  pushBlob(digest: string, bytes: Uint8Array): Promise<void>
  /** PUT by tag or by digest; `tags` become `?tag=` parameters. */
  putManifest(
    reference: string,
    bytes: Uint8Array,
    mediaType: string,
    tags?: readonly string[],
  ): Promise<RegistryAnswer>
  /** All pages; undefined when the repository is unknown (404). */
  listTags(pageSize?: number): Promise<string[] | undefined>
  listReferrers(subject: string, artifactType?: string): Promise<ReferrersList>
  deleteManifest(reference: string): Promise<RegistryAnswer>
}

/** Throws unless the status is one of those wanted, with what the registry said. */
export function expectStatus(answer: RegistryAnswer, what: string, ...wanted: number[]): RegistryAnswer {
  if (wanted.includes(answer.status)) return answer
  const said = new TextDecoder().decode(answer.bytes.subarray(0, 500))
  throw new Error(`${what}: want status ${wanted.join(' or ')}, got ${answer.status} ${said}`)
}

export const parseJson = <T>(answer: RegistryAnswer): T => JSON.parse(new TextDecoder().decode(answer.bytes))

/** The next page of a list, from `Link: <…>; rel="next"` (RFC 8288). */
function nextPage(answer: RegistryAnswer): string | undefined {
  return /<([^>]*)>\s*;\s*rel="?next"?/.exec(answer.headers.get('link') ?? '')?.[1]
}

/** A client of one repository. Each method makes the requests that its name says and nothing else. */
export function registryClient(registryUrl: string, repository: string, access: RegistryAccess = {}): RegistryClient {
  const session = openSession(registryUrl, repository, access)
  const base = `${session.url}/v2/${repository}/`
  const accept = manifestTypes.join(', ')

  const send: RegistryClient['send'] = (path, request = {}) => {
    const reads = request.method === undefined || request.method === 'GET' || request.method === 'HEAD'
    const actions = reads ? 'pull' : request.method === 'DELETE' ? 'delete' : 'pull,push'
    return session.send(
      new URL(path.startsWith('/') ? `${session.url}${path}` : path.replace(/^(?!https?:)/, base)).href,
      {
        actions,
        ...request,
      },
    )
  }
  const getManifest = (reference: string) => send(`manifests/${reference}`, { headers: { accept } })

  const pushBlob = async (digest: string, bytes: Uint8Array) => {
    const head = await send(`blobs/${digest}`, { method: 'HEAD', actions: 'pull,push' })
    if (head.status === 200) return
    const begun = expectStatus(await send('blobs/uploads/', { method: 'POST' }), `POST upload to ${repository}`, 202)
    const location = new URL(begun.headers.get('location') ?? '', base)
    location.searchParams.set('digest', digest)
    const headers = { 'content-type': 'application/octet-stream' }
    const put = await send(location.href, { method: 'PUT', headers, body: bytes })
    expectStatus(put, `PUT blob ${digest} to ${repository}`, 201)
  }

  const listTags = async (pageSize?: number) => {
    const tags: string[] = []
    let page: string | undefined = pageSize === undefined ? 'tags/list' : `tags/list?n=${pageSize}`
    while (page !== undefined) {
      const answer: RegistryAnswer = await send(page)
      if (answer.status === 404) return undefined
      expectStatus(answer, `tags of ${repository}`, 200)
      tags.push(...(parseJson<{ tags: string[] | null }>(answer).tags ?? []))
      const next = nextPage(answer)
      page = next === undefined ? undefined : new URL(next, base).href
    }
    return tags
  }

  const listReferrers = async (subject: string, artifactType?: string): Promise<ReferrersList> => {
    const items: ReferrerDescriptor[] = []
    const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`
    let page: string | undefined = `referrers/${subject}${query}`
    while (page !== undefined) {
      const answer: RegistryAnswer = await send(page)
      if (answer.status === 404 && items.length === 0) return readFallback(subject, artifactType)
      expectStatus(answer, `referrers of ${subject} in ${repository}`, 200)
      const type = answer.headers.get('content-type')
      if (type !== indexType) throw new Error(`referrers of ${subject}: want Content-Type ${indexType}, got ${type}`)
      items.push(...parseJson<{ manifests: ReferrerDescriptor[] }>(answer).manifests)
      const next = nextPage(answer)
      page = next === undefined ? undefined : new URL(next, base).href
    }
    return { source: 'api', items }
  }
  const readFallback = async (subject: string, artifactType?: string): Promise<ReferrersList> => {
    const answer = await getManifest(fallbackTagOf(subject))
    if (answer.status === 404) return { source: 'fallback', items: [] }
    expectStatus(answer, `fallback tag of ${subject} in ${repository}`, 200)
    const items = parseJson<{ manifests: ReferrerDescriptor[] }>(answer).manifests
    const wanted = artifactType === undefined ? items : items.filter((item) => item.artifactType === artifactType)
    return { source: 'fallback', items: wanted }
  }

  return {
    repository,
    send,
    getManifest,
    headManifest: (reference) => send(`manifests/${reference}`, { method: 'HEAD', headers: { accept } }),
    getBlob: (digest) => send(`blobs/${digest}`),
    headBlob: (digest) => send(`blobs/${digest}`, { method: 'HEAD' }),
    pushBlob,
    putManifest: (reference, bytes, mediaType, tags = []) => {
      const query = tags.length === 0 ? '' : `?${tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&')}`
      const headers = { 'content-type': mediaType }
      return send(`manifests/${reference}${query}`, { method: 'PUT', headers, body: bytes })
    },
    listTags,
    listReferrers,
    deleteManifest: (reference) => send(`manifests/${reference}`, { method: 'DELETE' }),
  }
}

/** Digest of an answer's bytes in the algorithm of the digest that was asked. */
export function digestLike(wanted: string, answer: RegistryAnswer): string {
  return digestOf(answer.bytes, algorithmOf(wanted))
}
