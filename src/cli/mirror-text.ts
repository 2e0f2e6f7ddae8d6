/** Mirrors and runs as people read them. */
import type { Mirror } from '../api/mirrors.ts'
import type { Run } from '../api/runs.ts'
import { age, count, duration, shortDigest, size } from './format.ts'
import { tookMs, waitedText } from './run-text.ts'
import { selectionText } from './selection.ts'
import { lines, properties, table } from './table.ts'

export function sourceOf(mirror: Mirror): string {
  return `${mirror.source.upstream}/${mirror.source.repository}`
}

/** `20/21 (1 failed, 2 excluded)`: what is missing is told, and what is left out on purpose. */
function tagsOf({ tags }: Mirror): string {
  const besides = [
    [tags.failed, 'failed'],
    [tags.held, 'held'],
    [tags.diverged, 'diverged'],
    [tags.excluded, 'excluded'],
    [tags.pinned, 'pinned'],
    [tags.absent, 'gone at upstream'],
    [tags.unselected, 'not selected'],
    [tags.retained, 'kept, not selected any more'],
  ].flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`]))
  return `${tags.published}/${tags.total}${besides.length === 0 ? '' : ` (${besides.join(', ')})`}`
}

export function lastRunText(run: Run | null, waiting: Mirror['waiting'] = null): string {
  if (run === null) return 'never ran'
  if (waiting !== null) return waitingText(waiting.ahead)
  return run.endedAt === null ? `running since ${age(run.startedAt, '')}` : `${run.outcome} ${age(run.endedAt, '')}`
}

/** Places among the runs of the server are few. */
export function waitingText(ahead: number | null): string {
  return `waiting for a place${ahead === null ? '' : `, ${ahead} before it`}`
}

export function mirrorTable(mirrors: readonly Mirror[]): string {
  return table(
    ['repository', 'source', 'state', 'tags', 'behind', 'last run', 'next run'],
    mirrors.map((mirror) => [
      mirror.repository,
      sourceOf(mirror),
      mirror.state,
      tagsOf(mirror),
      behindText(mirror),
      lastRunText(mirror.lastRun, mirror.waiting),
      age(mirror.nextRunAt, '-'),
    ]),
    'No mirrors yet. Start one: kagami mirror start UPSTREAM/REPOSITORY',
  )
}

/** `-` in step; `2 hours`; with `!` once the objective is missed. */
function behindText({ freshness: { behindSeconds, missedSince } }: Mirror): string {
  const behind = behindSeconds === 0 ? '-' : duration(behindSeconds * 1000)
  return missedSince === null ? behind : `${behind} !`
}

function freshnessText({ freshness }: Mirror): string {
  const { behindSeconds, objectiveSeconds, checkedAt, reason } = freshness
  const behind = behindSeconds === 0 ? 'nothing that is known' : duration(behindSeconds * 1000)
  const objective = objectiveSeconds === null ? '' : `, objective ${duration(objectiveSeconds * 1000)}`
  const missed = reason === null ? '' : `; ${reason}`
  const looked = checkedAt === null ? 'never looked at' : `looked at ${age(checkedAt, '')}`
  return `${behind}${objective}; upstream was ${looked}${missed}`
}

export function scheduleText(schedule: Mirror['schedule']): string {
  return 'every' in schedule ? `every ${schedule.every}` : `cron ${schedule.cron} (UTC)`
}

/** What it does about upstream's whims, in one line. */
function whimsText({ whims }: Mirror): string {
  const { vanished, grace, brake, settle, withoutReferrers, recheck } = whims
  return [
    vanished === 'keep'
      ? 'lost tags and attestations are kept'
      : `lost tags and attestations go ${grace === '0' ? 'at once' : `after ${grace}`}, ${brake} % at most in one run`,
    ...(settle === '0' ? [] : [`new digests settle ${settle}`]),
    ...(withoutReferrers === 'hold' ? [] : ['published without referrers that cannot be listed']),
    recheck === '0' ? 'referrers asked for in every pass' : `referrers asked for within ${recheck}`,
  ].join('; ')
}

/** State, why, and what ends it: after a pause, a resume, a change of the repository. */
export function standingText(mirror: Mirror, program: string): string {
  const { repository, state, pauses, remedy, nextRunAt } = mirror
  if (state === 'syncing') return lines([`${repository} is syncing: a pass is under way.`])
  if (state !== 'paused') {
    const isDue = nextRunAt !== null && Date.parse(nextRunAt) <= Date.now()
    const next = nextRunAt === null ? 'is not planned' : isDue ? 'is due at once' : `comes ${age(nextRunAt, '')}`
    return lines([`${repository} is ${state}; its next pass ${next}.`])
  }
  return lines([
    `${repository} is paused:`,
    ...pauses.map(({ reason, endsWhen }) => `  ${reason}; until ${endsWhen}`),
    ...(remedy === null ? [] : [`To go on: ${program} ${remedy}`]),
  ])
}

export function mirrorText(mirror: Mirror, program: string): string {
  const text = properties([
    ['Repository', mirror.repository],
    ['Source', sourceOf(mirror)],
    ['Subscription', mirror.subscription ?? undefined],
    ['State', `${mirror.state} since ${age(mirror.since, '')}`],
    ['Reason', mirror.reason ?? undefined],
    ['To go on', mirror.remedy === null ? undefined : `${program} ${mirror.remedy}`],
    ['Schedule', scheduleText(mirror.schedule)],
    ['Selection', selectionText(mirror.selection)],
    ['Upstream', whimsText(mirror)],
    ['Behind', freshnessText(mirror)],
    ['Tags', tagsOf(mirror)],
    ['Last run', lastRunText(mirror.lastRun, mirror.waiting)],
    ['Next run', age(mirror.nextRunAt, 'none planned')],
    ['Created', age(mirror.createdAt, '')],
    ['Id', mirror.id],
  ])
  const run = mirror.lastRun === null ? [] : runLines(mirror.lastRun)
  const rest = [...run, ...leftOutLines(mirror, program)]
  return rest.length === 0 ? text : `${text}\n${lines(rest)}`
}

/** @param verb of the bytes: `read` from upstream, `sent` to a target */
export function runLines(run: Run, verb: 'read' | 'sent' = 'read'): string[] {
  const { counts } = run
  const done = [
    `${count(counts.tagsMoved, 'tag')} moved`,
    `${counts.tagsUnchanged} unchanged`,
    ...(counts.tagsExcluded === 0 ? [] : [`${counts.tagsExcluded} excluded`]),
    ...(counts.tagsDiverged === 0 ? [] : [`${counts.tagsDiverged} diverged`]),
    ...(counts.tagsPinned === 0 ? [] : [`${counts.tagsPinned} pinned`]),
    ...(counts.tagsHeld === 0 ? [] : [`${counts.tagsHeld} held`]),
    ...(counts.tagsUntagged === 0 ? [] : [`${counts.tagsUntagged} untagged`]),
    ...(counts.referrersUnlinked === 0 ? [] : [`${count(counts.referrersUnlinked, 'attestation')} unlinked`]),
    count(counts.manifests, 'manifest'),
    count(counts.referrers, 'referrer'),
    count(counts.blobs, 'blob'),
    `${size(verb === 'sent' ? (counts.sentBytes ?? counts.readBytes) : counts.readBytes)} ${verb} in ${count(counts.requests, 'request')}`,
  ]
  const about = run.tags === null ? 'Last run' : `Last run, of ${run.tags.join(', ')}`
  // What a good run could not have is no failure of its own: upstream does not have it either.
  const heading = run.outcome === 'done' ? 'Left out:' : 'Failures:'
  return [
    `${about}: ${done.join(', ')}.`,
    ...(run.failures.length === 0 ? [] : [heading, ...run.failures.map(failureLine)]),
  ]
}

/** A failure of the whole run is about no tag. */
function failureLine({ tag, digest, message, code }: Run['failures'][number]): string {
  const about = tag ?? (digest === null ? undefined : shortDigest(digest))
  return `  ${about === undefined ? '' : `${about}: `}${message} (${code})`
}

/** Tags that are upstream's and not the mirror's, and why. */
function leftOutLines({ leftOut, tags, repository }: Mirror, program: string): string[] {
  if (leftOut.length === 0) return []
  const more = tags.excluded + tags.diverged + tags.pinned - leftOut.length
  return [
    'Left to people:',
    ...leftOut.map(({ tag, state, reason }) => `  ${tag}: ${state}, ${reason}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(leftOut.some(({ state }) => state !== 'diverged')
      ? [`Give one back to the mirror: ${program} tag release ${repository} TAG`]
      : []),
    ...(leftOut.some(({ state }) => state === 'diverged')
      ? [`Take what upstream has instead of a diverged one: ${program} tag release ${repository} TAG --take-upstream`]
      : []),
  ]
}

/** What a run has done, once it has ended. */
export function outcomeText(mirror: Mirror, run: Run, program: string): string {
  const [ms, waited] = [tookMs(run), waitedText(run)]
  const took = ms === undefined ? '' : ` after ${duration(ms)}${waited === undefined ? '' : ` and a wait of ${waited}`}`
  const what = run.tags === null ? `what ${sourceOf(mirror)} has` : `${run.tags.join(', ')} of ${sourceOf(mirror)}`
  const leftOut = count(run.counts.tagsExcluded + run.counts.tagsDiverged + run.counts.tagsPinned, 'tag')
  const but = leftOut.startsWith('0 ') ? '' : `, without ${leftOut} left to people`
  const verdict: Record<Run['outcome'], string> = {
    done: `${mirror.repository} holds ${what}${but}`,
    partial: `${mirror.repository} holds a part of ${what}`,
    failed: `The run of ${mirror.repository} failed`,
    stopped: `The run of ${mirror.repository} was stopped`,
    running: `The run of ${mirror.repository} goes on`,
  }
  const reason = run.outcome === 'done' || run.tags !== null || mirror.reason === null ? '' : `: ${mirror.reason}`
  const leftToPeople = run.tags === null ? leftOutLines(mirror, program) : []
  return lines([`${verdict[run.outcome]}${took}${reason}.`, ...runLines(run), ...leftToPeople])
}
