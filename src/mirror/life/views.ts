/** From rows to the shapes of the management API. */
import { DEFAULT_SCHEDULE, whimsOf } from '../../api/mirror-settings.ts'
import type { LeftOutTag, Mirror, MirrorState } from '../../api/mirrors.ts'
import type { Run, RunCounts, RunFailure } from '../../api/runs.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { listPauses } from '../../db/mirrors/life.ts'
import { listExclusions } from '../../db/mirrors/mirror-exclusions.ts'
import { countMirrorTags, findBehindSince, listTagsInState, NO_TAGS } from '../../db/mirrors/mirror-tags.ts'
import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { listLastRuns, timesOf } from '../../db/mirrors/sync-runs.ts'
import { listPins } from '../../db/mirrors/tag-pins.ts'
import type { MirrorPauseRow, RunRow } from '../../db/schema.ts'
import { saturate } from '../../lib/saturate.ts'
import { freshnessOf } from './freshness.ts'
import { NO_COUNTS } from './run-end.ts'
import { settingsOf } from './settings.ts'
import { restartOf } from './start.ts'
import { PAUSES, shownState } from './state.ts'

export function renderRun(row: RunRow): Run {
  const { waitedMs, runningMs } = timesOf(row)
  const seconds = (ms: number | undefined) => (ms === undefined ? null : ms / 1000)
  return {
    id: row.id,
    trigger: row.trigger,
    outcome: row.outcome,
    startedAt: row.started_at,
    beganAt: row.began_at,
    endedAt: row.ended_at,
    waitedSeconds: seconds(waitedMs),
    runningSeconds: seconds(runningMs),
    // Runs of before counted less.
    counts: { ...NO_COUNTS, ...(JSON.parse(row.counts) as Partial<RunCounts>) },
    failures: JSON.parse(row.failures) as RunFailure[],
    tags: row.tags === null ? null : (JSON.parse(row.tags) as string[]),
    full: row.full === 1,
    plan: row.plan === null ? null : planOf(row.plan),
  }
}

function planOf(json: string): Record<string, number> {
  const totals = Object.entries(JSON.parse(json) as Record<string, number>)
  return Object.fromEntries(totals.map(([name, total]) => [name, saturate(total)]))
}

/** Tags that a mirror shows with their reason; there may be more, as its counts tell. */
const SHOWN_LEFT_OUT = 20

async function listLeftOut(db: Queries, mirrorId: string): Promise<LeftOutTag[]> {
  const page = { limit: SHOWN_LEFT_OUT }
  const byPeople = (await listExclusions(db, mirrorId, page)).flatMap(({ tag, reason }) =>
    tag === null ? [] : [{ tag, state: 'excluded' as const, reason }],
  )
  const pinned = (await listPins(db, mirrorId, page)).map(({ tag, reason }) => ({
    tag,
    state: 'pinned' as const,
    reason,
  }))
  const seen: LeftOutTag[] = []
  for (const state of ['excluded', 'diverged'] as const) {
    const rows = await listTagsInState(db, mirrorId, state, SHOWN_LEFT_OUT)
    seen.push(...rows.map(({ tag, reason }) => ({ tag, state, reason: reason ?? '' })))
  }
  return [...byPeople, ...pinned, ...seen].slice(0, SHOWN_LEFT_OUT)
}

function renderPause({ cause, detail, since }: MirrorPauseRow): Mirror['pauses'][number] {
  const { reason, endsWhen } = PAUSES[cause]
  return { cause, reason: detail === null ? reason : `${reason}: ${detail}`, since, endsWhen }
}

/** State, reason, since when, and the line that ends it. */
export function standingOf(
  record: MirrorRecord,
  state: MirrorState,
  pauses: readonly MirrorPauseRow[],
  lastRun: Pick<Run, 'startedAt' | 'failures'> | null,
): Pick<Mirror, 'state' | 'reason' | 'since' | 'remedy'> {
  if (state === 'stopped') {
    return { state, reason: record.reason ?? 'it was stopped by hand', since: record.since, remedy: restartOf(record) }
  }
  const [first] = [...pauses].sort((a, b) => CAUSES.indexOf(a.cause) - CAUSES.indexOf(b.cause))
  if (state === 'paused' && first !== undefined) {
    const { reason, since } = renderPause(first)
    return { state, reason, since, remedy: remedyOf(record, PAUSES[first.cause].remedy) }
  }
  const since = state === 'syncing' && lastRun !== null ? lastRun.startedAt : record.since
  const isShrunk = lastRun?.failures.some(({ tag, code }) => tag === null && code === 'UPSTREAM_SHRUNK') === true
  const line = isShrunk ? 'mirror sync MIRROR --accept-shrink' : 'mirror sync MIRROR --wait'
  const remedy = state === 'degraded' ? remedyOf(record, line) : null
  return { state, reason: record.reason ?? REASONS[state] ?? null, since, remedy }
}

/** Where nothing else is known that explains the state. */
const REASONS: Partial<Readonly<Record<MirrorState, string>>> = {
  initial: 'its first run has not ended',
  syncing: 'a run is under way',
}

const CAUSES = Object.keys(PAUSES)

function remedyOf(record: MirrorRecord, line: string): string {
  const names = { MIRROR: record.repository, ORG: record.organization, UPSTREAM: record.upstream }
  const isShared = record.upstream_organization_id === null
  const own = isShared ? line.replace('UPSTREAM --org ORG', 'UPSTREAM --shared') : line
  // A place that people fill in stays as it is.
  return own.replace(/\b(MIRROR|ORG|UPSTREAM)\b(?!\/REPOSITORY)/g, (name) => names[name as keyof typeof names])
}

/**
 * The mirrors as the API shows them, with their tags counted and their last runs.
 * @param aheadOf how many runs come before one that waits in this process
 */
export async function renderMirrors(
  db: Queries,
  records: readonly MirrorRecord[],
  now: Date,
  aheadOf: (runId: string) => number | undefined = () => undefined,
): Promise<Mirror[]> {
  const ids = records.map((record) => record.id)
  const tags = await countMirrorTags(db, ids)
  const runs = await listLastRuns(db, ids)
  const behind = await findBehindSince(db, ids)
  const pausesOf = await listPauses(db, ids)
  const leftOut = new Map<string, LeftOutTag[]>()
  for (const [id, { excluded, diverged, pinned }] of tags) {
    if (excluded + diverged + pinned > 0) leftOut.set(id, await listLeftOut(db, id))
  }
  return records.map((record) => {
    const run = runs.get(record.id)
    const lastRun = run === undefined ? null : renderRun(run)
    const settings = settingsOf(record)
    const pauses = pausesOf.get(record.id) ?? []
    const causes = pauses.map(({ cause }) => cause)
    const state = shownState(record.state, causes, lastRun?.outcome === 'running')
    return {
      id: record.id,
      organization: record.organization,
      repository: record.repository,
      source: { upstream: record.upstream, repository: record.source_repository },
      subscription: record.subscription,
      ...standingOf(record, state, pauses, lastRun),
      pauses: pauses.map(renderPause),
      schedule: settings.schedule ?? DEFAULT_SCHEDULE,
      selection: settings.selection ?? {},
      whims: whimsOf(settings),
      freshness: freshnessOf(record, behind.get(record.id), now),
      settings,
      tags: tags.get(record.id) ?? NO_TAGS,
      leftOut: leftOut.get(record.id) ?? [],
      // A run has its generation from its lease, which it gets with its place.
      waiting: run?.outcome === 'running' && run.generation === 0 ? { ahead: aheadOf(run.id) ?? null } : null,
      lastRun,
      nextRunAt: record.next_run_at,
      createdAt: record.created_at,
    }
  })
}
