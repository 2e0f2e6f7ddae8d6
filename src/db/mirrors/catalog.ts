import { byBytes, pageOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'

/**
 * Where the given organizations mirror repositories of an upstream to, by the upstream's name of them, as far as the viewer sees. Stopped
 * mirrors are left out.
 * @param source one repository of the upstream's; undefined: all
 */
export async function listDestinations(
  db: Queries,
  upstreamId: string,
  organizationIds: readonly string[],
  viewer: Viewer,
  source?: string,
): Promise<Map<string, string[]>> {
  let query = db
    .selectFrom('mirrors as mirror')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select(['mirror.source_repository as source', 'repository.name'])
    .where('mirror.upstream_id', '=', upstreamId)
    .where('mirror.state', '!=', 'stopped')
    .where(isVisibleTo(viewer))
    .orderBy('repository.name')
  if (source !== undefined) query = query.where('mirror.source_repository', '=', source)
  const rows = await pageOfChunks(
    organizationIds,
    (chunk) => query.where('mirror.organization_id', 'in', chunk).execute(),
    { limit: Number.POSITIVE_INFINITY, keyOf: ({ name }) => name, compare: (a, b) => byBytes(a.name, b.name) },
  )
  const destinations = new Map<string, string[]>()
  for (const row of rows) destinations.set(row.source, [...(destinations.get(row.source) ?? []), row.name])
  return destinations
}
