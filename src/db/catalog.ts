import type { Queries } from './engine.ts'

/** Where the given organizations mirror repositories of an upstream to, by the upstream's name of them. Stopped mirrors are left out. */
export async function listDestinations(
  db: Queries,
  upstreamId: string,
  organizationIds: readonly string[],
): Promise<Map<string, string[]>> {
  const rows = await db
    .selectFrom('mirrors as mirror')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select(['mirror.source_repository as source', 'repository.name'])
    .where('mirror.upstream_id', '=', upstreamId)
    .where('mirror.state', '!=', 'stopped')
    .where('mirror.organization_id', 'in', ['', ...organizationIds])
    .orderBy('repository.name')
    .execute()
  const destinations = new Map<string, string[]>()
  for (const { source, name } of rows) destinations.set(source, [...(destinations.get(source) ?? []), name])
  return destinations
}
