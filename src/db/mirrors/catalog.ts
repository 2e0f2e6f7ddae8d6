import { byBytes, pageOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'

/**
 * Where the given organizations mirror repositories of an upstream to, by the upstream's name of them, as far as the viewer sees. Stopped
 * mirrors are left out.
 */
export async function listDestinations(
  db: Queries,
  upstreamId: string,
  organizationIds: readonly string[],
  viewer: Viewer,
): Promise<Map<string, string[]>> {
  const query = db
    .selectFrom('mirrors as mirror')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select(['mirror.source_repository as source', 'repository.name'])
    .where('mirror.upstream_id', '=', upstreamId)
    .where('mirror.state', '!=', 'stopped')
    .where(isVisibleTo(viewer))
    .orderBy('repository.name')
  const rows = await pageOfChunks(
    organizationIds,
    (chunk) => query.where('mirror.organization_id', 'in', chunk).execute(),
    { limit: Number.POSITIVE_INFINITY, keyOf: ({ name }) => name, compare: (a, b) => byBytes(a.name, b.name) },
  )
  const destinations = new Map<string, string[]>()
  for (const { source, name } of rows) destinations.set(source, [...(destinations.get(source) ?? []), name])
  return destinations
}
