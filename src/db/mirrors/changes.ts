/** What changes in an organization, without what was said of it, and as far as a viewer sees it. */
import { type SqlBool, sql } from 'kysely'
import { inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'

export interface LoggedChange {
  readonly seq: number
  readonly kind: string
  /** Null: it is about none, or about one that is gone. */
  readonly repository: string | null
  /** The viewer sees the repository. */
  readonly isVisible: boolean
}

/** Events after `after` and up to `upTo`, oldest first, without what they say. */
export async function listChanges(
  db: Queries,
  organizationId: string,
  viewer: Viewer,
  o: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<LoggedChange[]> {
  const events = await db
    .selectFrom('events')
    .select(['seq', 'kind', 'repository_id'])
    .where('seq', '>', o.after)
    .where('seq', '<=', o.upTo)
    .where('organization_id', '=', organizationId)
    .orderBy('seq')
    .limit(o.limit)
    .execute()
  const ids = [...new Set(events.flatMap(({ repository_id: id }) => (id === null ? [] : [id])))]
  const names = await visibleNames(db, ids, viewer)
  return events.map(({ seq, kind, repository_id: id }) => {
    const name = id === null ? undefined : names.get(id)
    return { seq: Number(seq), kind, repository: name ?? null, isVisible: name !== undefined }
  })
}

/** Names of those that the viewer sees. */
export async function visibleNames(db: Queries, ids: readonly string[], viewer: Viewer): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const chunk of inChunks(ids)) {
    const rows = await db
      .selectFrom('repositories as repository')
      .select(['repository.id', 'repository.name'])
      .where('repository.id', 'in', chunk)
      .where(isVisibleTo(viewer))
      .execute()
    for (const row of rows) found.set(row.id, row.name)
  }
  return found
}

export interface SeenRun {
  readonly repositoryId: string
  readonly isRunning: boolean
}

/** Runs of an organization that are under way, and those that have ended since a time, by id. */
export async function mapRuns(db: Queries, organizationId: string, since: string): Promise<Map<string, SeenRun>> {
  const runs = db
    .selectFrom('sync_runs as run')
    .innerJoin('mirrors as mirror', 'mirror.id', 'run.mirror_id')
    .select(['run.id', 'mirror.repository_id as repositoryId'])
    .where('mirror.organization_id', '=', organizationId)
  const ended = await runs.where('run.ended_at', '>=', since).execute()
  const running = await runs.where(sql<SqlBool>`run.outcome = 'running'`).execute()
  const seen = new Map<string, SeenRun>()
  for (const { id, repositoryId } of running) seen.set(id, { repositoryId, isRunning: true })
  // One that ended between the two is known to have ended.
  for (const { id, repositoryId } of ended) seen.set(id, { repositoryId, isRunning: false })
  return seen
}
