/** Lists of repositories, each for somebody's eyes. */
import type { RepositoryName } from '../../oci/reference.ts'
import { byBytes, pageOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { RepositoryRow } from '../schema.ts'

/** Names of the repositories that the viewer sees, in order, of whichever organization. */
export async function listReadableRepositories(
  db: Queries,
  viewer: Viewer,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<RepositoryName[]> {
  let query = db
    .selectFrom('repositories as repository')
    .select('repository.name')
    .where(isVisibleTo(viewer))
    .orderBy('repository.name')
    .limit(o.limit)
  if (o.after !== undefined) query = query.where('repository.name', '>', o.after)
  const rows = await query.execute()
  return rows.map((row) => row.name as RepositoryName)
}

/** Those of the organizations that the viewer sees, by name, after the given one. `viewer` undefined: all, for the program itself. */
export async function listRepositories(
  db: Queries,
  o: {
    readonly organizationIds: readonly string[]
    readonly viewer?: Viewer
    readonly after?: string
    readonly limit: number
  },
): Promise<RepositoryRow[]> {
  let query = db
    .selectFrom('repositories as repository')
    .selectAll('repository')
    .orderBy('repository.name')
    .limit(o.limit)
  if (o.viewer !== undefined) query = query.where(isVisibleTo(o.viewer))
  if (o.after !== undefined) query = query.where('repository.name', '>', o.after)
  return pageOfChunks(o.organizationIds, (chunk) => query.where('repository.organization_id', 'in', chunk).execute(), {
    limit: o.limit,
    keyOf: (row) => row.id,
    compare: (a, b) => byBytes(a.name, b.name),
  })
}

/** How many of an organization's repositories the viewer sees. */
export async function countVisibleRepositories(db: Queries, organizationId: string, viewer: Viewer): Promise<number> {
  const { repositories } = await db
    .selectFrom('repositories as repository')
    .select((eb) => eb.fn.countAll<number>().as('repositories'))
    .where('repository.organization_id', '=', organizationId)
    .where(isVisibleTo(viewer))
    .executeTakeFirstOrThrow()
  return Number(repositories)
}
