/** Replications as people read them. */
import type { Replication, ReplicationPlan, ReplicationTagExplanation } from '../api/replications.ts'
import type { Run } from '../api/runs.ts'
import { age, count, duration, shortDigest, size, wordsOf } from './format.ts'
import { lastRunText, runLines, scheduleText } from './mirror-text.ts'
import { tookMs, waitedText } from './run-text.ts'
import { selectionText } from './selection.ts'
import { blocks, lines, properties, table } from './table.ts'

/** `TARGET/REPOSITORY`, as its commands name it. */
export function placeOf({ target }: Pick<Replication, 'target'>): string {
  return `${target.target}/${target.repository}`
}

/** Selected tags that are not there, though nothing failed. */
function behindOf({ tags }: Replication): string[] {
  return wordsOfTags([
    [tags.waiting, 'waiting for a callback'],
    [tags.diverged, 'moved there by others'],
    [tags.immutable, 'immutable there'],
  ])
}

function wordsOfTags(numbers: readonly (readonly [number, string])[]): string[] {
  return numbers.flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`]))
}

/** `20/21 (1 failed)`: what is missing is told, and what is left out on purpose. */
function tagsOf(one: Replication): string {
  const { tags } = one
  const besides = [
    ...wordsOfTags([[tags.failed, 'failed']]),
    ...behindOf(one),
    ...wordsOfTags([
      [tags.absent, 'gone here'],
      [tags.unselected, 'not selected'],
    ]),
  ]
  return `${tags.published}/${tags.total}${besides.length === 0 ? '' : ` (${besides.join(', ')})`}`
}

export function replicationTable(replications: readonly Replication[], program: string): string {
  return table(
    ['repository', 'target', 'state', 'tags', 'behind', 'last run', 'next run'],
    replications.map((one) => [
      one.repository,
      placeOf(one),
      one.state,
      tagsOf(one),
      behindText(one),
      lastRunText(one.lastRun, one.waiting),
      age(one.nextRunAt, '-'),
    ]),
    `No replications yet. Start one: ${program} replication start REPOSITORY TARGET/NAME`,
  )
}

function behindText({ freshness: { behindSeconds, missedSince } }: Replication): string {
  const behind = behindSeconds === 0 ? '-' : duration(behindSeconds * 1000)
  return missedSince === null ? behind : `${behind} !`
}

function driftText({ drift: { mode, every, checkedAt, drifted } }: Replication): string {
  const found = drifted === 0 ? '' : `; ${count(drifted, 'tag')} other than we left ${drifted === 1 ? 'it' : 'them'}`
  const what = mode === 'repair' ? 'put back' : 'told'
  const when = every === '0' ? 'not looked for' : `looked for every ${every}`
  return `${what}, ${when}${checkedAt === null ? '' : `, last ${age(checkedAt, '')}`}${found}`
}

export function replicationText(one: Replication, program: string): string {
  const text = properties([
    ['Repository', one.repository],
    ['Target', placeOf(one)],
    ['State', `${one.state} since ${age(one.since, '')}`],
    ['Reason', one.reason ?? undefined],
    ['To go on', one.remedy === null ? undefined : `${program} ${one.remedy}`],
    ['Schedule', scheduleText(one.schedule)],
    ['On change', one.settings.onChange === false ? 'no' : 'yes'],
    ['After', one.settings.after === undefined ? undefined : `a success of webhook ${one.settings.after}`],
    ['Selection', selectionText(one.selection)],
    ['Drift', driftText(one)],
    ['Who may read', one.privacy.checkedAt === null ? undefined : `looked at ${age(one.privacy.checkedAt, '')}`],
    ['Behind', behindText(one)],
    ['Tags', tagsOf(one)],
    ['Last run', lastRunText(one.lastRun, one.waiting)],
    ['Next run', age(one.nextRunAt, 'none planned')],
    ['Created', age(one.createdAt, '')],
    ['Id', one.id],
  ])
  const rest = [...(one.lastRun === null ? [] : runLines(one.lastRun, 'sent')), ...leftOutLines(one)]
  return rest.length === 0 ? text : `${text}\n${lines(rest)}`
}

function leftOutLines({ leftOut }: Replication): string[] {
  if (leftOut.length === 0) return []
  return ['Left as they are:', ...leftOut.map(({ tag, state, reason }) => `  ${tag}: ${state}, ${reason}`)]
}

/** State, why, and what ends it. */
export function standingText(one: Replication, program: string): string {
  if (one.state !== 'paused') return lines([`${one.repository} to ${placeOf(one)} is ${one.state}.`])
  return lines([
    `${one.repository} to ${placeOf(one)} is paused:`,
    ...one.pauses.map(({ reason, endsWhen }) => `  ${reason}; until ${endsWhen}`),
    ...(one.remedy === null ? [] : [`To go on: ${program} ${one.remedy}`]),
  ])
}

/** What a run has done, once it has ended. */
export function outcomeText(one: Replication, run: Run): string {
  const [ms, waited] = [tookMs(run), waitedText(run)]
  const took = ms === undefined ? '' : ` after ${duration(ms)}${waited === undefined ? '' : ` and a wait of ${waited}`}`
  const place = placeOf(one)
  const what = run.tags === null ? `what ${one.repository} has` : `${run.tags.join(', ')} of ${one.repository}`
  const behind = run.tags === null ? behindOf(one) : []
  const but = behind.length === 0 ? '' : `, without ${behind.join(', ')}`
  const verdict: Record<Run['outcome'], string> = {
    done: `${place} holds ${what}${but}`,
    partial: `${place} holds a part of ${what}`,
    failed: `The run to ${place} failed`,
    stopped: `The run to ${place} was stopped`,
    running: `The run to ${place} goes on`,
  }
  const reason = run.outcome === 'done' || run.tags !== null || one.reason === null ? '' : `: ${one.reason}`
  return lines([`${verdict[run.outcome]}${took}${reason}.`, ...runLines(run, 'sent'), ...leftOutLines(one)])
}

/** @param isWhole each step, not only what they come to */
export function planText(plan: ReplicationPlan, isWhole: boolean): string {
  const totals = Object.entries(plan.totals).flatMap(([name, number]) => {
    if (number === 0) return []
    return [name.endsWith('Bytes') ? size(number) : `${number} ${wordsOf(name)}`]
  })
  const steps = plan.items.map(({ action, tag, digest, reason }) => [
    action,
    tag ?? '-',
    digest === null ? '-' : shortDigest(digest),
    reason,
  ])
  return blocks([
    lines([`${plan.repository} to ${placeOf(plan)}: ${totals.length === 0 ? 'nothing to do' : totals.join(', ')}.`]),
    isWhole ? table(['action', 'tag', 'digest', 'why'], steps, 'No steps.') : '',
  ])
}

export function explanationText({ name, state, local, target, reason, checkedAt, next }: ReplicationTagExplanation) {
  const digests =
    local !== null && local === target
      ? [`  here and at the target: ${local}`]
      : [`  here: ${local ?? 'nothing'}`, `  at the target: ${target ?? 'nothing that is known'}`]
  return lines([
    `${name}: ${state}${checkedAt === null ? '' : `, checked ${age(checkedAt, '')}`}`,
    ...digests,
    `  why: ${reason}`,
    `  next: ${next}`,
  ])
}
