/** From rows to the shapes of the management API. */
import type { LeftOutTag } from '../../api/mirrors.ts'
import type { Replication } from '../../api/replications.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { findAfterWebhook } from '../../db/replication/after.ts'
import { listReplicationPauses } from '../../db/replication/life.ts'
import type { ReplicationRecord } from '../../db/replication/replications.ts'
import { replicationRuns } from '../../db/replication/runs.ts'
import { countReplicationTags, listReplicationTagsIn, type ReplicationTagCounts } from '../../db/replication/tags.ts'
import type { ReplicationPauseRow } from '../../db/schema.ts'
import { parseDuration } from '../../lib/duration.ts'
import { shownState } from '../../mirror/life/state.ts'
import { renderRun } from '../../mirror/life/views.ts'
import { goneReason } from '../pass/waiting.ts'
import { fullSettings, replicationSettings } from './settings.ts'
import { REPLICATION_PAUSES } from './state.ts'

/** Tags that are shown with their reason; there may be more, as the counts tell. */
const SHOWN_LEFT_OUT = 20
const CAUSES = Object.keys(REPLICATION_PAUSES)

export async function renderReplications(
  db: Queries,
  records: readonly ReplicationRecord[],
  now: Date,
  aheadOf: (runId: string) => number | undefined,
): Promise<Replication[]> {
  const ids = records.map(({ id }) => id)
  const tags = await countReplicationTags(db, ids)
  const runs = await replicationRuns.listLastRuns(db, ids)
  const pausesOf = await listReplicationPauses(db, ids)
  const leftOut = new Map<string, LeftOutTag[]>()
  for (const [id, counts] of tags) if ((counts.diverged ?? 0) > 0) leftOut.set(id, await listLeftOut(db, id))
  const afterGone = await findGoneWebhooks(db, records)
  return records.map((record): Replication => {
    const run = runs.get(record.id)
    const lastRun = run === undefined ? null : renderRun(run)
    const settings = fullSettings(record)
    const pauses = pausesOf.get(record.id) ?? []
    const isRunning = lastRun?.outcome === 'running'
    const isPaused = pauses.length > 0
    // The causes that pause a mirror are others; that there is one is the same.
    const state = shownState(record.state, isPaused ? ['hand'] : [], isRunning)
    return {
      id: record.id,
      organization: record.organization,
      repository: record.repository,
      target: { target: record.target, repository: record.target_repository },
      rule: record.rule_id,
      ...standingOf(record, state, {
        pauses,
        runningSince: isRunning ? (lastRun?.startedAt ?? null) : null,
        afterGone: afterGone.get(record.id),
      }),
      pauses: pauses.map(renderPause),
      schedule: settings.schedule,
      selection: settings.selection ?? {},
      drift: {
        ...{ mode: settings.drift, every: settings.driftEvery },
        ...{ checkedAt: record.drift_checked_at, drifted: record.drifted },
      },
      privacy: { checkedAt: record.privacy_checked_at },
      freshness: freshnessOf(record, settings.objective, now),
      settings: replicationSettings(record),
      tags: countsOf(tags.get(record.id) ?? {}),
      leftOut: leftOut.get(record.id) ?? [],
      waiting: isRunning && run?.generation === 0 ? { ahead: aheadOf(run.id) ?? null } : null,
      lastRun,
      nextRunAt: record.next_run_at,
      createdAt: record.created_at,
    }
  })
}

function standingOf(
  record: ReplicationRecord,
  state: Replication['state'],
  {
    pauses,
    runningSince,
    afterGone,
  }: {
    readonly pauses: readonly ReplicationPauseRow[]
    readonly runningSince: string | null
    /** The webhook that it waits for and that is not there. */
    readonly afterGone: string | undefined
  },
): Pick<Replication, 'state' | 'reason' | 'since' | 'remedy'> {
  const { since } = record
  if (state === 'stopped') {
    const remedy = `replication start ${record.repository} ${nameOf(record)}`
    return { state, reason: record.reason ?? 'it was stopped by hand', since, remedy }
  }
  const [first] = [...pauses].sort((a, b) => CAUSES.indexOf(a.cause) - CAUSES.indexOf(b.cause))
  if (state === 'paused' && first !== undefined) {
    const remedy = remedyOf(record, REPLICATION_PAUSES[first.cause].remedy)
    return { state, reason: renderPause(first).reason, since: first.since, remedy }
  }
  if (afterGone !== undefined) {
    const remedy = remedyOf(record, 'replication change REPLICATION --no-after')
    return {
      state,
      reason: goneReason(afterGone),
      since: state === 'syncing' ? (runningSince ?? since) : since,
      remedy,
    }
  }
  const remedy = state === 'degraded' ? remedyOf(record, 'replication sync REPLICATION --wait') : null
  const reasons = { initial: 'its first run has not ended', syncing: 'a run is under way' } as Record<string, string>
  const reason = record.reason ?? reasons[state] ?? null
  return { state, reason, since: state === 'syncing' ? (runningSince ?? since) : since, remedy }
}

/** By replication: the name of the webhook that it waits for, where there is none. */
async function findGoneWebhooks(db: Queries, records: readonly ReplicationRecord[]): Promise<Map<string, string>> {
  const gone = new Map<string, string>()
  for (const record of records) {
    const { after } = fullSettings(record)
    if (after === undefined || record.state === 'stopped') continue
    const of = { organizationId: record.organization_id, repositoryId: record.repository_id }
    if ((await findAfterWebhook(db, of, after)) === undefined) gone.set(record.id, after)
  }
  return gone
}

const nameOf = (record: ReplicationRecord) => `${record.target}/${record.target_repository}`

function remedyOf(record: ReplicationRecord, line: string): string {
  const isShared = record.target_organization_id === null
  const own = isShared ? line.replace('TARGET --org ORG', 'TARGET --shared') : line
  const names = { REPLICATION: nameOf(record), TARGET: record.target, ORG: record.organization }
  return own.replace(/\b(REPLICATION|TARGET|ORG)\b/g, (name) => names[name as keyof typeof names])
}

function renderPause({ cause, detail, since }: ReplicationPauseRow): Replication['pauses'][number] {
  const { reason, endsWhen } = REPLICATION_PAUSES[cause]
  return { cause, reason: detail === null ? reason : `${reason}: ${detail}`, since, endsWhen }
}

async function listLeftOut(db: Queries, id: string): Promise<LeftOutTag[]> {
  const rows = await listReplicationTagsIn(db, id, ['diverged'], SHOWN_LEFT_OUT)
  return rows.map(({ tag, reason }) => ({ tag, state: 'diverged', reason: reason ?? '' }))
}

/** How long the target has lacked something; an objective is held against that. */
function freshnessOf(record: ReplicationRecord, objective: string | undefined, now: Date): Replication['freshness'] {
  const since = record.state === 'stopped' ? null : record.changed_since
  const behindSeconds = since === null ? 0 : Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / 1000))
  const objectiveMs = objective === undefined ? undefined : parseDuration(objective)
  const shown = {
    behindSeconds,
    objectiveSeconds: objectiveMs === undefined ? null : objectiveMs / 1000,
    checkedAt: record.looked_at,
  }
  const missedMs = since === null || objectiveMs === undefined ? undefined : Date.parse(since) + objectiveMs
  if (missedMs === undefined || missedMs >= now.getTime()) return { ...shown, missedSince: null, reason: null }
  return {
    ...shown,
    missedSince: new Date(missedMs).toISOString(),
    reason: `the target has lacked since ${since} what is here: the objective of ${objective} is missed`,
  }
}

function countsOf(counts: ReplicationTagCounts): Replication['tags'] {
  const of = (state: keyof ReplicationTagCounts) => counts[state] ?? 0
  const shown = {
    published: of('synced'),
    failed: of('failed'),
    waiting: of('waiting'),
    diverged: of('diverged'),
    immutable: of('immutable'),
  }
  const total = Object.values(shown).reduce((sum, count) => sum + count, of('pending'))
  return { total, ...shown, absent: of('absent'), unselected: of('unselected') }
}
