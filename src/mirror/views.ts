/** From rows to the shapes of the management API. */
import type { Mirror } from '../api/mirrors.ts'
import type { Run, RunCounts, RunFailure } from '../api/runs.ts'
import type { Queries } from '../db/engine.ts'
import { countMirrorTags } from '../db/mirror-tags.ts'
import type { MirrorRecord } from '../db/mirrors.ts'
import type { SyncRunRow } from '../db/schema.ts'
import { listLastRuns } from '../db/sync-runs.ts'

export const NO_COUNTS: RunCounts = {
  tagsMoved: 0,
  tagsUnchanged: 0,
  manifests: 0,
  referrers: 0,
  blobs: 0,
  readBytes: 0,
  requests: 0,
  failed: 0,
}

export function renderRun(row: SyncRunRow): Run {
  return {
    id: row.id,
    trigger: row.trigger,
    outcome: row.outcome,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    counts: JSON.parse(row.counts) as RunCounts,
    failures: JSON.parse(row.failures) as RunFailure[],
  }
}

/** The mirrors as the API shows them, with their tags counted and their last runs. */
export async function renderMirrors(db: Queries, records: readonly MirrorRecord[]): Promise<Mirror[]> {
  const ids = records.map((record) => record.id)
  const tags = await countMirrorTags(db, ids)
  const runs = await listLastRuns(db, ids)
  return records.map((record) => {
    const run = runs.get(record.id)
    const lastRun = run === undefined ? null : renderRun(run)
    // The first run's state is `initial` until it ends; `syncing` is any later run under way.
    const isSyncing = lastRun?.outcome === 'running' && (record.state === 'active' || record.state === 'degraded')
    return {
      id: record.id,
      organization: record.organization,
      repository: record.repository,
      source: { upstream: record.upstream, repository: record.source_repository },
      state: isSyncing ? 'syncing' : record.state,
      reason: record.reason,
      since: isSyncing ? lastRun.startedAt : record.since,
      tags: tags.get(record.id) ?? { total: 0, published: 0, failed: 0 },
      lastRun,
      nextRunAt: record.next_run_at,
      createdAt: record.created_at,
    }
  })
}
