/** What can be mirrored: an upstream's own list of repositories, and where they are mirrored to already. */

import type { Database } from '../db/engine/engine.ts'
import { listDestinations } from '../db/mirrors/catalog.ts'
import type { Viewer } from '../db/people/visible-repositories.ts'
import type { UpstreamRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { RegistryReader } from '../oci/repository.ts'

export interface CatalogRow {
  readonly repository: RepositoryName
  /** Destinations in the caller's organizations that the caller may see. */
  readonly mirrors: readonly string[]
}

const MAX_ENTRIES = 100_000

/**
 * One page of an upstream's repositories, by name.
 * @throws AppError UPSTREAM_UNSUPPORTED when the registry has no list of its repositories, and other UPSTREAM_*
 */
export async function listEntries(
  db: Database,
  registry: RegistryReader,
  upstream: UpstreamRow,
  o: {
    readonly organizationIds: readonly string[]
    readonly viewer: Viewer
    readonly after?: string | undefined
    readonly limit: number
    readonly signal?: AbortSignal | undefined
  },
): Promise<CatalogRow[]> {
  const names: RepositoryName[] = []
  for await (const name of registry.listRepositories(o.signal === undefined ? {} : { signal: o.signal })) {
    if (names.push(name) > MAX_ENTRIES) {
      throw new AppError('UPSTREAM_INVALID', `${upstream.name} lists more than ${MAX_ENTRIES} repositories`)
    }
  }
  const destinations = await listDestinations(db.read, upstream.id, o.organizationIds, o.viewer)
  const { after } = o
  return [...new Set(names)]
    .sort()
    .filter((name) => after === undefined || name > after)
    .slice(0, o.limit)
    .map((repository) => ({ repository, mirrors: destinations.get(repository) ?? [] }))
}
