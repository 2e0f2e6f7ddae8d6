/** Where the definitions of an upstream are, and reading them. */
import type { CatalogRow, DefinitionsFrom, UpstreamRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { discard, readExcerpt } from '../../net/bounded-body.ts'
import type { HttpClient } from '../../net/guarded-fetch.ts'
import { type ArchiveLimits, readArchive } from '../definitions/archive.ts'
import type { DefinitionFiles } from '../definitions/files.ts'
import { readDefinitionsAt } from '../definitions/folder.ts'

export interface DefinitionsPlaces {
  /** By the names of shared upstreams: folders and archives of this machine that its operator has named. */
  readonly folders: ReadonlyMap<string, string>
  /** Those of the sample; undefined: the upstream is not the sample. */
  readonly sampleDefinitions: (upstream: UpstreamRow) => (() => Promise<DefinitionFiles>) | undefined
  /** Within the operator's rules on addresses. */
  readonly http: HttpClient
  /** Of an archive that is fetched; undefined: the usual ones. */
  readonly limits?: ArchiveLimits
}

export interface Place {
  readonly from: DefinitionsFrom
  /** @returns undefined: it is what it was when `etag` was given */
  read(etag: string | null, signal: AbortSignal): Promise<{ files: DefinitionFiles; etag: string | null } | undefined>
}

/** Undefined: it has none. What the operator of the server names goes before what the API was told. */
export function definitionsPlace(
  places: DefinitionsPlaces,
  upstream: UpstreamRow,
  row: Pick<CatalogRow, 'definitions_url'>,
): Place | undefined {
  const folder = upstream.organization_id === null ? places.folders.get(upstream.name) : undefined
  if (folder !== undefined) {
    return {
      from: 'server',
      read: async (_, signal) => ({ files: await readDefinitionsAt(folder, signal), etag: null }),
    }
  }
  if (row.definitions_url !== null) {
    const url = new URL(row.definitions_url)
    return { from: 'url', read: (etag, signal) => fetchArchive(places, { url, ca: upstream.ca }, etag, signal) }
  }
  const read = places.sampleDefinitions(upstream)
  return read === undefined ? undefined : { from: 'sample', read: async () => ({ files: await read(), etag: null }) }
}

/** @throws AppError INVALID_REQUEST unless it is an https address without a login */
export function parseDefinitionsUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new AppError(
      'INVALID_REQUEST',
      'definitions: want the https:// address of a .tar or .tar.gz, without user name and password',
      { about: { reason: 'invalid', where: 'definitions' } },
    )
  }
  url.hash = ''
  return url.href
}

/** What the upstream's certificates are signed by is trusted for its definitions too. */
async function fetchArchive(
  { http, limits }: DefinitionsPlaces,
  { url, ca }: { readonly url: URL; readonly ca: string | null },
  etag: string | null,
  signal: AbortSignal,
) {
  const headers: Record<string, string> = etag === null ? {} : { 'if-none-match': etag }
  const response = await http.request(url, {
    headers,
    signal,
    lane: 'bulk',
    redirect: 'follow',
    ...(ca === null ? {} : { ca }),
  })
  if (response.status === 304 && etag !== null) {
    await discard(response)
    return undefined
  }
  if (response.status !== 200) {
    await readExcerpt(response)
    throw new AppError('UPSTREAM_UNAVAILABLE', `${url.host} answered ${response.status} for the archive of definitions`)
  }
  const files = await readArchive(response.body, `the archive of definitions at ${url.host}`, signal, limits)
  const tag = response.headers.get('etag')
  return { files, etag: tag !== null && tag.length <= 512 ? tag : null }
}
