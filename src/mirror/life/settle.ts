/** The end of a run, and what it means for its mirror: one transaction. */
import { isSameSelection } from '../../api/selection.ts'
import { countTags } from '../../db/content/tags.ts'
import type { Transaction } from '../../db/engine/engine.ts'
import { endPause, eventOf, isResting, listPauses, pauseMirror } from '../../db/mirrors/life.ts'
import { forgetFacts, recordFacts } from '../../db/mirrors/mirror-facts.ts'
import { recordHolds } from '../../db/mirrors/mirror-holds.ts'
import { recordSubjects } from '../../db/mirrors/mirror-subjects.ts'
import { forgetTags, recordTags } from '../../db/mirrors/mirror-tags.ts'
import {
  findMirror,
  type MirrorRecord,
  scheduleMirror,
  setListedTags,
  setLooked,
  setMirrorState,
} from '../../db/mirrors/mirrors.ts'
import { pruneRunItems, type RunItem, recordRunItems } from '../../db/mirrors/run-items.ts'
import { endRun, pruneRuns } from '../../db/mirrors/sync-runs.ts'
import { recordUnlisted } from '../../db/mirrors/unlisted-referrers.ts'
import { appendEvents, type NewEvent } from '../../db/platform/events.ts'
import type { PauseCause, RunOutcome } from '../../db/schema.ts'
import { isAppError } from '../../errors.ts'
import { isoTime } from '../../lib/clock.ts'
import { failureOf } from '../pass/problem.ts'
import type { RunReport } from '../pass/run-report.ts'
import { settleObjective } from './freshness.ts'
import { settleClaims } from './hint-claims.ts'
import { MIRROR_KIND } from './mirror-kind.ts'
import { countFailedInRow, KEPT_MS, KEPT_RUNS, type RunEnding } from './run-end.ts'
import { type Cadence, cadenceOf, nextRunAt } from './schedule.ts'
import { settingsOf } from './settings.ts'
import { nextState } from './state.ts'

export interface RunEnd extends RunEnding<RunReport> {
  /** For mirrors without a schedule of their own. */
  readonly defaultCadence: Cadence
  readonly random: () => number
}

/** @returns the outcome, as it was written down */
export async function settleRun(tx: Transaction, mirror: MirrorRecord, end: RunEnd): Promise<RunOutcome> {
  const { report, thrown, at } = end
  const outcome = end.isStopped ? 'stopped' : (report?.outcome ?? 'failed')
  // Deleted meanwhile, and its runs with it: there is nothing to write down.
  if ((await findMirror(tx, mirror.id)) === undefined) return outcome
  const whole = thrown === undefined || end.isStopped ? [] : [{ tag: null, digest: null, ...failureOf(thrown.error) }]
  const failures = [...whole, ...(report?.failures ?? [])].map(({ tag, digest, code, message }) => ({
    tag,
    digest,
    code,
    message,
  }))
  if (report !== undefined && !end.isFenced) {
    await recordTags(tx, report.tags)
    await forgetTags(tx, mirror.id, report.forgotten)
    await recordFacts(tx, mirror.id, report.learned)
    await forgetFacts(tx, mirror.id, report.outlived)
    await recordHolds(tx, mirror.id, report.holds, { isAll: !end.isPart })
    await recordUnlisted(tx, mirror.id, report.unlisted)
    if (report.listedTags !== undefined) await setListedTags(tx, mirror.id, report.listedTags)
    if (!(await hasNewSelection(tx, mirror))) await recordSubjects(tx, report.subjects)
  }
  const counts = { ...end.counts, failed: end.counts.failed + whole.length }
  const isMine = await endRun(tx, end.runId, {
    outcome,
    at,
    counts: JSON.stringify(counts),
    failures: JSON.stringify(failures),
    plan: report === undefined ? undefined : JSON.stringify(report.planned),
  })
  const items = [...whole.map((one): RunItem => ({ action: 'failed', ...one })), ...(report?.items ?? [])]
  // The end of a run that was ended by another server has been written by that one.
  if (isMine && items.length > 0) {
    await recordRunItems(tx, end.runId, items)
    await pruneRunItems(tx, mirror.id)
  }
  await pruneRuns(tx, mirror.id, { ...KEPT_RUNS, before: isoTime(new Date(end.now.getTime() - KEPT_MS)) })
  await settleClaims(tx, end.hintClaims ?? [], {
    isUnseen: !end.isStopped && (end.isInterrupted || end.isFenced),
    hasFailed: !end.isStopped && report === undefined,
    now: end.now,
    random: end.random,
  })
  const present = await findMirror(tx, mirror.id)
  if (outcome === 'stopped' || end.isFenced || !isMine || present === undefined || present.state === 'stopped')
    return outcome
  const reason = whole[0]?.message ?? report?.reason ?? null
  const events = end.isPart
    ? await afterSome(tx, present, {
        reason: report?.reason ?? null,
        isHinted: end.hintClaims !== undefined,
        holdUntil: report?.holdUntil,
        at,
      })
    : await afterAll(tx, present, { ...end, outcome, reason, isStale: await hasNewSelection(tx, mirror) })
  await appendEvents(tx, [...events, ...(await settleObjective(tx, mirror.id, end.now))])
  return outcome
}

/** Whether what the run went by was changed meanwhile: what it found of referrers says nothing, and a run by the new one is owed. */
async function hasNewSelection(tx: Transaction, ran: MirrorRecord): Promise<boolean> {
  const present = await findMirror(tx, ran.id)
  return present !== undefined && !isSameSelection(settingsOf(ran).selection, settingsOf(present).selection)
}

async function afterAll(
  tx: Transaction,
  mirror: MirrorRecord,
  o: RunEnd & {
    readonly outcome: Exclude<RunOutcome, 'running' | 'stopped'>
    readonly reason: string | null
    readonly isStale: boolean
  },
): Promise<NewEvent[]> {
  const { outcome, reason, report, at } = o
  const events = await settlePauses(tx, mirror, o)
  if (!o.hasBegun && o.isInterrupted) {
    if (!(await isResting(tx, mirror.id))) await scheduleMirror(tx, mirror.id, at)
    return events
  }
  const state = nextState(mirror.state, o.isInterrupted ? 'run interrupted' : `run ${outcome}`)
  const failedBefore = outcome === 'failed' ? 1 + (await countFailedInRow(MIRROR_KIND, tx, mirror.id, o.runId)) : 0
  const { schedule } = settingsOf(mirror)
  const cadence = schedule === undefined ? o.defaultCadence : cadenceOf(schedule)
  const planned = nextRunAt({ now: o.now, outcome, failedBefore, cadence, random: o.random })
  const next = earlier(planned, o.report?.holdUntil)
  if (o.report !== undefined) await setLooked(tx, mirror.id, { at, dueAt: next, isDone: outcome === 'done' })
  const isAtRest = await isResting(tx, mirror.id)
  const due = isAtRest ? null : o.isInterrupted || o.isStale ? at : next
  await setMirrorState(tx, mirror.id, { state, reason, nextRunAt: due, at })
  if (o.isFull && outcome !== 'failed' && !o.isStale && report?.isOwed !== true) {
    await tx.updateTable('mirrors').set({ full_due: 0 }).where('id', '=', mirror.id).execute()
  }
  const isFirst = mirror.looked_at === null && o.report !== undefined
  return [...events, ...(isFirst ? [await firstPass(tx, mirror, o)] : []), ...changeOf(mirror, state, reason, at)]
}

/** The end of the first pass over all of upstream, with how much it has brought: which tag stands for it, each reader of the log decides. */
async function firstPass(tx: Transaction, mirror: MirrorRecord, { at, runId }: RunEnd): Promise<NewEvent> {
  const tags = await countTags(tx, mirror.repository_id)
  return eventOf('mirror.synced', mirror, { actor: `mirror:${mirror.id}`, at }, { runId, tags })
}

/** Outside causes come and go with runs: a pass that could list ends what upstream was paused for. */
async function settlePauses(tx: Transaction, mirror: MirrorRecord, o: RunEnd): Promise<NewEvent[]> {
  const by = { actor: `mirror:${mirror.id}`, at: o.at }
  const found = new Map<PauseCause, string>()
  if (o.report?.overQuota !== undefined) found.set('quota', o.report.overQuota)
  const { thrown } = o
  if (thrown !== undefined && isAppError(thrown.error, 'UPSTREAM_NOT_FOUND')) found.set('gone', thrown.error.message)
  if (thrown !== undefined && isAppError(thrown.error, 'UPSTREAM_DENIED'))
    found.set('credentials', thrown.error.message)
  const events: (NewEvent | undefined)[] = []
  for (const [cause, detail] of found) events.push(await pauseMirror(tx, mirror.id, { cause, detail, ...by }))
  const present = ((await listPauses(tx, [mirror.id])).get(mirror.id) ?? []).map(({ cause }) => cause)
  const over = present.filter((cause) => {
    if (found.has(cause)) return false
    if (cause === 'quota') return o.report !== undefined
    // One that upstream answered otherwise was not refused, and is not gone.
    return (cause === 'gone' || cause === 'credentials') && (o.report !== undefined || found.size > 0)
  })
  if (over.length > 0) events.push(await endPause(tx, mirror.id, { causes: over, isDue: false, ...by }))
  return events.flatMap((event) => event ?? [])
}

/**
 * A run of a few tags can make the mirror degraded, by what it held back; that it is well only a pass over all of them tells,
 * which then comes at once.
 */
async function afterSome(
  tx: Transaction,
  mirror: MirrorRecord,
  o: {
    readonly reason: string | null
    readonly isHinted: boolean
    readonly holdUntil: Date | undefined
    readonly at: string
  },
): Promise<NewEvent[]> {
  const { reason, at } = o
  // Out of the schedule, or looked at again when the first digest that waits need not wait any longer.
  const nextRunAt = mirror.next_run_at === null ? null : earlier(mirror.next_run_at, o.holdUntil)
  if (reason === null) {
    // What upstream says does not hurry a mirror that backs off.
    const isRecovering = !o.isHinted && mirror.state === 'degraded' && !(await isResting(tx, mirror.id))
    if (isRecovering) await scheduleMirror(tx, mirror.id, at)
    else if (nextRunAt !== null && nextRunAt !== mirror.next_run_at) await scheduleMirror(tx, mirror.id, nextRunAt)
    return []
  }
  const state = nextState(mirror.state, 'run partial')
  await setMirrorState(tx, mirror.id, { state, reason, nextRunAt, at })
  return changeOf(mirror, state, reason, at)
}

function earlier(planned: string, other: Date | undefined): string {
  const time = other?.toISOString()
  return time !== undefined && time < planned ? time : planned
}

function changeOf(mirror: MirrorRecord, state: MirrorRecord['state'], reason: string | null, at: string): NewEvent[] {
  if (state === mirror.state) return []
  const by = { actor: `mirror:${mirror.id}`, at }
  if (state === 'degraded') return [eventOf('mirror.degraded', mirror, by, { reason })]
  return mirror.state === 'degraded' && state === 'active' ? [eventOf('mirror.recovered', mirror, by)] : []
}
