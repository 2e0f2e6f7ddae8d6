/** Mirrors, runs and plans as people read them. */
import type { Mirror } from '../api/mirrors.ts'
import type { Plan } from '../api/plans.ts'
import type { Run } from '../api/runs.ts'
import { age, count, duration, shortDigest, size } from './format.ts'
import { properties, table } from './table.ts'

export function sourceOf(mirror: Mirror): string {
  return `${mirror.source.upstream}/${mirror.source.repository}`
}

function tagsOf({ tags }: Mirror): string {
  return `${tags.published}/${tags.total}${tags.failed === 0 ? '' : ` (${tags.failed} failed)`}`
}

function runText(run: Run | null): string {
  if (run === null) return 'never ran'
  return run.endedAt === null ? `running since ${age(run.startedAt, '')}` : `${run.outcome} ${age(run.endedAt, '')}`
}

export function mirrorTable(mirrors: readonly Mirror[]): string {
  return table(
    ['repository', 'source', 'state', 'tags', 'last run', 'next run'],
    mirrors.map((mirror) => [
      mirror.repository,
      sourceOf(mirror),
      mirror.state,
      tagsOf(mirror),
      runText(mirror.lastRun),
      age(mirror.nextRunAt, '-'),
    ]),
    'No mirrors yet. Start one: kagami mirror start UPSTREAM/REPOSITORY',
  )
}

export function mirrorText(mirror: Mirror): string {
  const text = properties([
    ['Repository', mirror.repository],
    ['Source', sourceOf(mirror)],
    ['State', `${mirror.state} since ${age(mirror.since, '')}`],
    ['Reason', mirror.reason ?? undefined],
    ['Tags', tagsOf(mirror)],
    ['Last run', runText(mirror.lastRun)],
    ['Next run', age(mirror.nextRunAt, 'none planned')],
    ['Created', age(mirror.createdAt, '')],
    ['Id', mirror.id],
  ])
  return mirror.lastRun === null ? text : [text, ...runLines(mirror.lastRun)].join('\n')
}

function runLines(run: Run): string[] {
  const { counts } = run
  const done = [
    `${count(counts.tagsMoved, 'tag')} moved`,
    `${counts.tagsUnchanged} unchanged`,
    count(counts.manifests, 'manifest'),
    count(counts.referrers, 'referrer'),
    count(counts.blobs, 'blob'),
    `${size(counts.readBytes)} read in ${count(counts.requests, 'request')}`,
  ]
  const failures = run.failures.map(
    (failure) =>
      `  ${failure.tag ?? (failure.digest === null ? '' : shortDigest(failure.digest))}: ${failure.message} (${failure.code})`,
  )
  return [`Last run: ${done.join(', ')}.`, ...(failures.length === 0 ? [] : ['Failures:', ...failures])]
}

/** What a run has done, once it has ended. */
export function outcomeText(mirror: Mirror, run: Run): string {
  const took = run.endedAt === null ? '' : ` after ${duration(Date.parse(run.endedAt) - Date.parse(run.startedAt))}`
  const verdict: Record<Run['outcome'], string> = {
    done: `${mirror.repository} holds what ${sourceOf(mirror)} has`,
    partial: `${mirror.repository} holds a part of what ${sourceOf(mirror)} has`,
    failed: `The run of ${mirror.repository} failed`,
    stopped: `The run of ${mirror.repository} was stopped`,
    running: `The run of ${mirror.repository} goes on`,
  }
  const reason = run.outcome === 'done' || mirror.reason === null ? '' : `: ${mirror.reason}`
  return [`${verdict[run.outcome]}${took}${reason}.`, ...runLines(run)].join('\n')
}

export function planText(plan: Plan): string {
  const totals = Object.entries(plan.totals).map(([name, number]) =>
    name.endsWith('Bytes') ? `${name.slice(0, -5)} ${size(number)}` : `${name} ${number}`,
  )
  const rows = plan.items.map((item) => [
    item.action,
    item.tag ?? '-',
    item.digest === null ? '-' : shortDigest(item.digest),
    item.sizeBytes === null ? '-' : size(item.sizeBytes),
    item.origin,
    item.reason,
  ])
  const steps = table(['action', 'tag', 'digest', 'size', 'origin', 'reason'], rows, 'Nothing to do.')
  return totals.length === 0 ? steps : `${steps}\n\n${totals.join(', ')}`
}
