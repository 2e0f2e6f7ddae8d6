/** Runs as people read them. */
import type { Run, RunItem } from '../api/runs.ts'
import { age, count, duration, shortDigest, size, wordsOf } from './format.ts'
import { blocks, lines, properties, table } from './table.ts'

/** Its own work, without its wait for a place where that is known. */
export function tookMs({ startedAt, endedAt, runningSeconds }: Run): number | undefined {
  if (endedAt === null) return undefined
  return runningSeconds === null ? Date.parse(endedAt) - Date.parse(startedAt) : runningSeconds * 1000
}

function tookText(run: Run): string {
  const ms = tookMs(run)
  return ms === undefined ? 'running' : duration(ms)
}

/** A wait that people would notice. */
export function waitedText({ waitedSeconds }: Run): string | undefined {
  return waitedSeconds === null || waitedSeconds < 1 ? undefined : duration(waitedSeconds * 1000)
}

/** What began it, and what it was limited to. */
function whyText({ trigger, tags, full }: Run): string {
  return [trigger, ...(full ? ['full'] : []), ...(tags === null ? [] : [`of ${count(tags.length, 'tag')}`])].join(', ')
}

/** @param begin the command that begins one */
export function runTable(runs: readonly Run[], name: string, begin: string): string {
  return table(
    ['run', 'began', 'by', 'outcome', 'waited', 'took', 'moved', 'failed', 'read', 'requests'],
    runs.map((run) => [
      run.id,
      age(run.startedAt, ''),
      whyText(run),
      run.outcome,
      waitedText(run) ?? '-',
      tookText(run),
      String(run.counts.tagsMoved),
      String(run.counts.failed),
      size(run.counts.readBytes),
      String(run.counts.requests),
    ]),
    `${name} has not run yet. Begin: ${begin}`,
  )
}

/** The line that goes on where a page ended; nothing at the end. */
export function moreText(command: string, next: string | null): string {
  return next === null ? '' : lines([`There is more: ${command} --after ${next}`])
}

/** @param of what it is a run of: `Mirror`, and its name */
export function runText(of: readonly [noun: string, name: string], run: Run, items: readonly RunItem[]): string {
  const { counts, plan } = run
  const planned = Object.entries(plan ?? {}).flatMap(([name, number]) => {
    if (number === 0) return []
    return [name.endsWith('Bytes') ? size(number) : `${number} ${wordsOf(name)}`]
  })
  const about = properties([
    [...of],
    ['Run', run.id],
    ['By', whyText(run)],
    ['Tags', run.tags?.join(', ')],
    ['Outcome', run.outcome],
    ['Began', `${run.startedAt} (${age(run.startedAt, '')})`],
    ['Waited', waitedText(run)],
    ['Took', tookText(run)],
    ['Planned', plan === null ? undefined : planned.length === 0 ? 'nothing to do' : planned.join(', ')],
    ['Moved', `${count(counts.tagsMoved, 'tag')}, ${counts.tagsUnchanged} unchanged, ${counts.failed} failed`],
    [
      'Copied',
      `${count(counts.manifests, 'manifest')}, ${count(counts.referrers, 'referrer')}, ${count(counts.blobs, 'blob')}`,
    ],
    [of[0] === 'Mirror' ? 'Read' : 'Sent', `${size(counts.readBytes)} in ${count(counts.requests, 'request')}`],
  ])
  const moves = items.filter(({ action }) => action === 'moved' || action === 'removed')
  const rest = items.filter(({ action }) => action !== 'moved' && action !== 'removed')
  const short = (digest: string | null) => (digest === null ? '-' : shortDigest(digest))
  return blocks([
    about,
    moves.length === 0
      ? ''
      : table(
          ['tag', 'from', 'to', 'at'],
          moves.map(({ tag, from, to, at }) => [tag ?? '-', short(from), short(to), at ?? '-']),
          '',
        ),
    lines(rest.map(itemLine)),
  ])
}

/** In full: what a failure said is not cut. */
function itemLine({ action, tag, digest, code, message }: RunItem): string {
  const about = tag ?? (digest === null ? 'the run' : shortDigest(digest))
  return `${action}: ${about}: ${message ?? ''}${code === null ? '' : ` (${code})`}`
}
