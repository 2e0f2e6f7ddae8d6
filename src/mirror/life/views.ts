/** From rows to the shapes of the management API. */
import type { LeftOutTag, Mirror } from '../../api/mirrors.ts'
import type { Run, RunCounts, RunFailure } from '../../api/runs.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { listExclusions } from '../../db/mirrors/mirror-exclusions.ts'
import { countMirrorTags, listTagsInState, NO_TAGS } from '../../db/mirrors/mirror-tags.ts'
import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { listLastRuns } from '../../db/mirrors/sync-runs.ts'
import type { SyncRunRow } from '../../db/schema.ts'

export const NO_COUNTS: RunCounts = {
  tagsMoved: 0,
  tagsUnchanged: 0,
  manifests: 0,
  referrers: 0,
  blobs: 0,
  readBytes: 0,
  requests: 0,
  failed: 0,
  tagsExcluded: 0,
  tagsDiverged: 0,
}

export function renderRun(row: SyncRunRow): Run {
  return {
    id: row.id,
    trigger: row.trigger,
    outcome: row.outcome,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    // Runs of before counted less.
    counts: { ...NO_COUNTS, ...(JSON.parse(row.counts) as Partial<RunCounts>) },
    failures: JSON.parse(row.failures) as RunFailure[],
    tags: row.tags === null ? null : (JSON.parse(row.tags) as string[]),
  }
}

/** Tags that a mirror shows with their reason; there may be more, as its counts tell. */
const SHOWN_LEFT_OUT = 20

async function listLeftOut(db: Queries, mirrorId: string): Promise<LeftOutTag[]> {
  const page = { limit: SHOWN_LEFT_OUT }
  const byPeople = (await listExclusions(db, mirrorId, page)).flatMap(({ tag, reason }) =>
    tag === null ? [] : [{ tag, state: 'excluded' as const, reason }],
  )
  const seen: LeftOutTag[] = []
  for (const state of ['excluded', 'diverged'] as const) {
    const rows = await listTagsInState(db, mirrorId, state, SHOWN_LEFT_OUT)
    seen.push(...rows.map(({ tag, reason }) => ({ tag, state, reason: reason ?? '' })))
  }
  return [...byPeople, ...seen].slice(0, SHOWN_LEFT_OUT)
}

/** The mirrors as the API shows them, with their tags counted and their last runs. */
export async function renderMirrors(db: Queries, records: readonly MirrorRecord[]): Promise<Mirror[]> {
  const ids = records.map((record) => record.id)
  const tags = await countMirrorTags(db, ids)
  const runs = await listLastRuns(db, ids)
  const leftOut = new Map<string, LeftOutTag[]>()
  for (const [id, { excluded, diverged }] of tags) {
    if (excluded + diverged > 0) leftOut.set(id, await listLeftOut(db, id))
  }
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
      tags: tags.get(record.id) ?? NO_TAGS,
      leftOut: leftOut.get(record.id) ?? [],
      lastRun,
      nextRunAt: record.next_run_at,
      createdAt: record.created_at,
    }
  })
}
