/** Runs that no end was written for, of some mirrors or of an organization. */
import { type SqlBool, sql } from 'kysely'
import { inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { SyncRunRow } from '../schema.ts'

/** Spelled out: the index of these rows serves no value that is bound. */
const isRunning = (run: string) => sql<SqlBool>`${sql.ref(`${run}.outcome`)} = 'running'`

/** When the run of each mirror was asked for. */
export async function listRunningSince(db: Queries, mirrorIds: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const chunk of inChunks(mirrorIds)) {
    const rows = await db
      .selectFrom('sync_runs as run')
      .select(['run.mirror_id', 'run.started_at'])
      .where(isRunning('run'))
      .where('run.mirror_id', 'in', chunk)
      .orderBy('run.started_at')
      .execute()
    for (const row of rows) if (!found.has(row.mirror_id)) found.set(row.mirror_id, row.started_at)
  }
  return found
}

/** Those of an organization that the viewer sees, with the names of their repositories; oldest first. */
export async function listRunningIn(
  db: Queries,
  organizationId: string,
  viewer: Viewer,
  limit: number,
): Promise<{ readonly runs: readonly (SyncRunRow & { readonly repository: string })[]; readonly total: number }> {
  const query = db
    .selectFrom('sync_runs as run')
    .innerJoin('mirrors as mirror', 'mirror.id', 'run.mirror_id')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .where(isRunning('run'))
    .where('mirror.organization_id', '=', organizationId)
    .where(isVisibleTo(viewer) as never)
  const { total } = await query.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  const runs =
    Number(total) === 0
      ? []
      : await query
          .selectAll('run')
          .select('repository.name as repository')
          .orderBy('run.started_at')
          .orderBy('run.id')
          .limit(limit)
          .execute()
  return { runs, total: Number(total) }
}
