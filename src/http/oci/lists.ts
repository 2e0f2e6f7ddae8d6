/** The lists of distribution-spec: tags (end-8), referrers (end-12) and Docker's `_catalog`. */
import { viewerOf } from '../../access/rights.ts'
import { listReadableRepositories } from '../../db/content/repository-lists.ts'
import { listTags } from '../../db/content/tags.ts'
import { parseDigest } from '../../oci/digest.ts'
import { MediaType } from '../../oci/media-types.ts'
import { listReferrersPage } from '../../registry/referrers.ts'
import type { Granted, GrantedPresent } from './authorize.ts'
import type { Call, OciDependencies } from './call.ts'
import { linkToNext, parsePage } from './pages.ts'

/** GET `/v2/<name>/tags/list`: ASCII order, never `null`. */
export async function serveTags(deps: OciDependencies, call: Call, granted: GrantedPresent): Promise<Response> {
  const { limit, after } = parsePage(call.route.query)
  const { name, repository } = granted
  const rows = limit === 0 ? [] : await listTags(deps.db.read, repository.id, { after, limit: limit + 1 })
  const tags = rows.slice(0, limit).map((row) => row.name)
  return page(
    call,
    'application/json',
    { name, tags },
    nextLink(`/v2/${name}/tags/list`, rows.length, limit, tags.at(-1)),
  )
}

/** GET `/v2/_catalog`: the repositories that the caller may pull. */
export async function serveCatalog(deps: OciDependencies, call: Call): Promise<Response> {
  const { limit, after } = parsePage(call.route.query)
  const viewer = await viewerOf(deps.db.read, call.who, 'repository.pull')
  const rows = limit === 0 ? [] : await listReadableRepositories(deps.db.read, viewer, { after, limit: limit + 1 })
  const repositories = rows.slice(0, limit)
  return page(
    call,
    'application/json',
    { repositories },
    nextLink('/v2/_catalog', rows.length, limit, repositories.at(-1)),
  )
}

function nextLink(path: string, found: number, limit: number, last: string | undefined): Record<string, string> {
  return found > limit && last !== undefined ? linkToNext(path, { n: String(limit), last }) : {}
}

/** GET `/v2/<name>/referrers/<digest>`: an index in any case, also for a repository or subject that is not there. */
export async function serveReferrers(deps: OciDependencies, call: Call, granted: Granted): Promise<Response> {
  const { query, last } = call.route
  const subject = parseDigest(last)
  const { limit } = parsePage(query)
  const artifactType = query.get('artifactType') ?? undefined
  const after = query.get('last')
  const { name, repository } = granted
  const found =
    repository === undefined
      ? { items: [], next: null }
      : await listReferrersPage(deps.db.read, repository.id, subject, {
          artifactType: artifactType === '' ? undefined : artifactType,
          after: after === null ? undefined : parseDigest(after),
          limit: Math.max(1, limit),
        })
  const body = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: found.items }
  const filter: Record<string, string> = artifactType === undefined || artifactType === '' ? {} : { artifactType }
  const applied = 'artifactType' in filter ? { 'OCI-Filters-Applied': 'artifactType' } : {}
  const link =
    found.next === null
      ? {}
      : linkToNext(`/v2/${name}/referrers/${subject}`, { ...filter, n: String(limit), last: found.next })
  return page(call, MediaType.ociIndex, body, { ...applied, ...link })
}

/** HEAD is GET without its body, with the same length. */
function page(call: Call, type: string, body: unknown, headers: Record<string, string>): Response {
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  return new Response(call.request.method === 'HEAD' ? null : bytes, {
    headers: { ...headers, 'Content-Type': type, 'Content-Length': String(bytes.byteLength) },
  })
}
