/** The end of a run, and what it means for its replication: one transaction. */
import type { Transaction } from '../../db/engine/engine.ts'
import { appendEvents, type NewEvent } from '../../db/platform/events.ts'
import { findChangeAfter } from '../../db/replication/changes.ts'
import {
  endReplicationPause,
  isReplicationResting,
  listReplicationPauses,
  pauseReplication,
  replicationEvent,
} from '../../db/replication/life.ts'
import {
  findReplication,
  type ReplicationRecord,
  scheduleReplication,
  setReplicationState,
  updateReplication,
} from '../../db/replication/replications.ts'
import { pruneReplicationItems, recordReplicationItems, replicationRuns } from '../../db/replication/runs.ts'
import { countReplicationTags, forgetReplicationTags, recordReplicationTags } from '../../db/replication/tags.ts'
import type { ReplicationPauseCause, RunOutcome } from '../../db/schema.ts'
import { type ErrorCode, isAppError } from '../../errors.ts'
import { isoTime } from '../../lib/clock.ts'
import { countFailedInRow, KEPT_MS, KEPT_RUNS, type RunEnding } from '../../mirror/life/run-end.ts'
import { cadenceOf, nextRunAt } from '../../mirror/life/schedule.ts'
import { nextState } from '../../mirror/life/state.ts'
import { failureOf } from '../../mirror/pass/problem.ts'
import type { ReplicationReport } from '../pass/report.ts'
import { REPLICATION_KIND } from './replication-kind.ts'
import { driftDueMs, fullSettings, privacyDueMs } from './settings.ts'

/** What ended a run as a whole, and pauses the replication for that. */
const CAUSES: readonly (readonly [ErrorCode, ReplicationPauseCause])[] = [
  ['TARGET_PUBLIC', 'public'],
  ['TARGET_DENIED', 'credentials'],
  ['TARGET_NOT_FOUND', 'gone'],
]

export interface ReplicationEnd extends RunEnding<ReplicationReport> {
  readonly random: () => number
}

/** @returns the outcome, as it was written down */
export async function settleReplication(
  tx: Transaction,
  ran: ReplicationRecord,
  end: ReplicationEnd,
): Promise<RunOutcome> {
  const { report, thrown, at } = end
  const outcome = end.isStopped ? 'stopped' : (report?.outcome ?? 'failed')
  const { id } = ran
  // Deleted meanwhile, and its runs with it: there is nothing to write down.
  if ((await findReplication(tx, id)) === undefined) return outcome
  const whole = thrown === undefined || end.isStopped ? [] : [{ tag: null, digest: null, ...failureOf(thrown.error) }]
  const failures = [...whole, ...(report?.failures ?? [])].map(({ tag, digest, code, message }) => ({
    ...{ tag, digest, code, message },
  }))
  if (report !== undefined && !end.isFenced) {
    await recordReplicationTags(tx, report.rows)
    await forgetReplicationTags(tx, id, report.forgotten)
  }
  const isMine = await replicationRuns.endRun(tx, end.runId, {
    ...{ outcome, at, failures: JSON.stringify(failures) },
    counts: JSON.stringify({ ...end.counts, failed: end.counts.failed + whole.length }),
    plan: report === undefined ? undefined : JSON.stringify(report.planned),
  })
  const wholeItems = whole.map(({ code, message }) => ({
    ...{
      action: 'failed' as const,
      tag: null,
      from_digest: null,
      to_digest: null,
      digest: null,
      code,
      message,
      at: null,
    },
  }))
  // The end of a run that was ended by another server has been written by that one.
  if (isMine) {
    await recordReplicationItems(tx, end.runId, [...wholeItems, ...(report?.items ?? [])])
    await pruneReplicationItems(tx, id)
  }
  const before = isoTime(new Date(end.now.getTime() - KEPT_MS))
  await replicationRuns.pruneRuns(tx, id, { ...KEPT_RUNS, before })
  const present = await findReplication(tx, id)
  const isOver =
    outcome === 'stopped' || end.isFenced || !isMine || present === undefined || present.state === 'stopped'
  if (!isOver) await appendEvents(tx, await afterRun(tx, present, end, outcome, whole[0]?.message))
  return outcome
}

async function afterRun(
  tx: Transaction,
  present: ReplicationRecord,
  end: ReplicationEnd,
  outcome: Exclude<RunOutcome, 'running' | 'stopped'>,
  whole: string | undefined,
): Promise<NewEvent[]> {
  const { report, at, now } = end
  const { id } = present
  const by = { actor: `replication:${id}`, at }
  const events = await settlePauses(tx, present, end)
  // Who may read it was told, whatever the answer.
  const isPrivacyChecked = report?.isPrivacyChecked === true || isAppError(end.thrown?.error, 'TARGET_PUBLIC')
  if (isPrivacyChecked) await updateReplication(tx, id, { privacy_checked_at: at })
  const isResting = await isReplicationResting(tx, id)
  if (!end.hasBegun && end.isInterrupted) {
    if (!isResting) await scheduleReplication(tx, id, at)
    return events
  }
  const drifted = report?.drifted ?? []
  if (drifted.length > 0) {
    const tags = drifted
      .slice(0, MAX_TOLD)
      .map(({ tag, reason, isRepaired }) => ({ tag, reason, repaired: isRepaired }))
    events.push(replicationEvent('replication.drifted', present, by, { drifted: drifted.length, tags }))
  }
  const { diverged = 0 } = (await countReplicationTags(tx, [id])).get(id) ?? {}
  const reason = whole ?? report?.reason ?? null
  if (end.isPart) {
    await updateReplication(tx, id, { drifted: diverged })
    if (reason === null) {
      // That it is well only a pass over all of them tells, which then comes at once.
      if (present.state === 'degraded' && !isResting) await scheduleReplication(tx, id, at)
      return events
    }
    const state = nextState(present.state, 'run partial')
    await setReplicationState(tx, id, { state, reason, nextRunAt: present.next_run_at, at })
    return [...events, ...changeOf(present, state, reason, by)]
  }
  const state = nextState(present.state, end.isInterrupted ? 'run interrupted' : `run ${outcome}`)
  const failedBefore = outcome === 'failed' ? 1 + (await countFailedInRow(REPLICATION_KIND, tx, id, end.runId)) : 0
  const settings = fullSettings(present)
  const cadence = cadenceOf(settings.schedule)
  const changed = report && (await findChangeAfter(tx, present.repository_id, report.seq))
  const isChecked = report?.isDriftChecked === true
  const looked = report === undefined ? {} : { looked_at: at }
  const done = outcome === 'done' ? { succeeded_at: at, changed_since: changed ?? waitingSince(present, report) } : {}
  const full = end.isFull && outcome !== 'failed' ? { full_due: 0 as const } : {}
  await updateReplication(tx, id, {
    ...{ drifted: diverged, ...looked, ...done, ...full },
    ...(isChecked ? { drift_checked_at: at } : {}),
  })
  const planned = nextRunAt({ now, outcome, failedBefore, cadence, random: end.random })
  const driftMs =
    outcome === 'failed' ? undefined : driftDueMs({ ...present, ...(isChecked ? { drift_checked_at: at } : {}) })
  const drift = driftMs === undefined ? planned : isoTime(new Date(Math.max(driftMs, now.getTime())))
  const privacyMs = privacyDueMs(isPrivacyChecked ? { ...present, privacy_checked_at: at } : present)
  const privacy = outcome === 'failed' ? planned : isoTime(new Date(Math.max(privacyMs, now.getTime())))
  const [next = planned] = [drift, privacy, planned].sort()
  const isDue = end.isInterrupted || (changed !== undefined && settings.onChange && outcome !== 'failed')
  await setReplicationState(tx, id, { state, reason, nextRunAt: isResting ? null : isDue ? at : next, at })
  const isFirst = present.looked_at === null && report !== undefined
  if (isFirst) {
    const { synced = 0 } = (await countReplicationTags(tx, [id])).get(id) ?? {}
    events.push(replicationEvent('replication.synced', present, by, { runId: end.runId, tags: synced }))
  }
  return [...events, ...changeOf(present, state, reason, by)]
}

/** Tags that an event names. */
const MAX_TOLD = 100

/** What waits for a callback is behind all the same. */
function waitingSince(present: ReplicationRecord, report: ReplicationReport | undefined): string | null {
  return (report?.counts.waiting ?? 0) > 0 ? present.changed_since : null
}

/** Outside causes come and go with runs: a pass that the target has answered ends them. */
async function settlePauses(tx: Transaction, present: ReplicationRecord, end: ReplicationEnd): Promise<NewEvent[]> {
  const by = { actor: `replication:${present.id}`, at: end.at }
  const error = end.thrown?.error
  const found = CAUSES.find(([code]) => isAppError(error, code))
  const events: (NewEvent | undefined)[] = []
  if (found !== undefined && isAppError(error)) {
    events.push(await pauseReplication(tx, present.id, { cause: found[1], detail: error.message, ...by }))
  }
  const causes = ((await listReplicationPauses(tx, [present.id])).get(present.id) ?? []).map(({ cause }) => cause)
  const over = causes.filter((cause) => {
    if (cause === 'hand' || cause === found?.[1]) return false
    // Whoever was refused elsewhere was answered, but not asked whether everybody may read it.
    return end.report !== undefined || (found !== undefined && cause !== 'public')
  })
  if (over.length > 0) events.push(await endReplicationPause(tx, present.id, { causes: over, isDue: false, ...by }))
  return events.flatMap((event) => event ?? [])
}

function changeOf(
  before: ReplicationRecord,
  state: ReplicationRecord['state'],
  reason: string | null,
  by: { actor: string; at: string },
): NewEvent[] {
  if (state === before.state) return []
  if (state === 'degraded') return [replicationEvent('replication.degraded', before, by, { reason })]
  const isRecovered = before.state === 'degraded' && state === 'active'
  return isRecovered ? [replicationEvent('replication.recovered', before, by)] : []
}
