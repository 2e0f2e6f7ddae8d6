/** A run's progress before people's eyes: painted in place on a terminal, plain lines otherwise. */
import { type Progress, progressSchema } from '../api/progress.ts'
import { AppError, isAppError } from '../errors.ts'
import { type Backoff, backoffMs, systemSleep } from '../lib/retry.ts'
import type { ApiClient } from './client.ts'
import { currentText } from './current-text.ts'
import { duration, size } from './format.ts'
import { waitingText } from './mirror-text.ts'
import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 20

/** Shows moments of one run after another; `end` clears what is painted. */
export interface ProgressView {
  show(moment: Progress): void
  end(): void
}

export function createProgressView(terminal: Terminal): ProgressView {
  return terminal.isInteractive ? paintedView(terminal) : plainView(terminal)
}

/** Between tries to go on with a stream that broke off: of several servers another one answers at once, a restarted one soon. */
const TRY_AGAIN: Backoff = { firstMs: 250, factor: 2, maxMs: 4000 }
const MAX_TRIES = 5

/**
 * Follows a run until it has ended, showing each moment; a stream that breaks off is asked for again, wherever the run is now.
 * @param of path of the mirror or replication, and its name
 * @param runId undefined: every run of it, until `signal` aborts
 * @returns the last moment
 * @throws AppError UNAVAILABLE when no server answers for some seconds
 */
export async function followRun(
  client: ApiClient,
  of: { readonly path: string; readonly name: string },
  o: { readonly runId?: string; readonly signal?: AbortSignal; readonly show: (moment: Progress) => void },
): Promise<Progress | undefined> {
  let last: Progress | undefined
  const query = { run: o.runId }
  const signal = o.signal === undefined ? {} : { signal: o.signal }
  for (let tries = 1; ; tries++) {
    let broke: unknown
    try {
      for await (const moment of client.stream(`${of.path}/progress`, progressSchema, { query, ...signal })) {
        tries = 1
        last = moment
        o.show(moment)
      }
    } catch (error) {
      if (!isAppError(error, 'UNAVAILABLE')) throw error
      broke = error
    }
    const isOver = o.runId !== undefined && last?.phase === 'ended'
    if (isOver || o.signal?.aborted === true || (o.runId === undefined && broke === undefined)) return last
    if (tries >= MAX_TRIES) throw broke ?? cutShort(client, of.name)
    await systemSleep(backoffMs(tries, TRY_AGAIN, Math.random), o.signal)
  }
}

function cutShort({ server }: ApiClient, name: string): AppError {
  return new AppError('UNAVAILABLE', `${server} ended the connection before the run of ${name} had ended`)
}

function paintedView(terminal: Terminal): ProgressView {
  let first: Progress | undefined
  let wording = 0
  return {
    show(moment) {
      if (first?.runId !== moment.runId) {
        first = moment
        wording = 0
      }
      const width = Math.max(20, terminal.columns - 1)
      const lines = wordings(first, moment).map((parts) => parts.join('  '))
      // Once short, it stays short: a line that changes its parts all the time cannot be read.
      while (wording < lines.length - 1 && (lines[wording] ?? '').length > width) wording++
      terminal.paint((lines[Math.min(wording, lines.length - 1)] ?? '').slice(0, width))
    },
    end: () => terminal.paint(''),
  }
}

/** The same moment in fewer and fewer words: what is left out first is what one misses least. */
function wordings(first: Progress, moment: Progress): readonly (readonly string[])[] {
  const { mirror, phase, current } = moment
  if (phase === 'waiting') return [[mirror, waitingText(moment.ahead)]]
  const now = current === null ? [] : [currentText(current)]
  // Where it says what it does, the phase goes without saying.
  const stage = current === null ? [phase] : []
  const share = [`${Math.floor(fraction(moment) * 100)} %`]
  const [all, rate] = [amounts(moment), speed(first, moment)]
  return [
    [mirror, phase, bar(moment), ...all, ...rate, ...now],
    [mirror, ...stage, bar(moment), ...all, ...rate, ...now],
    [mirror, ...stage, ...all, ...rate, ...now],
    [mirror, ...stage, ...share, ...rate.slice(-1), ...now],
    [mirror, ...stage, ...share, ...now],
    [...stage, ...share, ...now],
  ]
}

/** A line for each phase, and for each tenth of the work done. */
function plainView(terminal: Terminal): ProgressView {
  let shown = ''
  return {
    show(moment) {
      const key = `${moment.runId} ${moment.phase} ${Math.floor(fraction(moment) * 10)}`
      if (key === shown) return
      shown = key
      const now = moment.current === null ? [] : [currentText(moment.current)]
      const parts =
        moment.phase === 'waiting' ? [waitingText(moment.ahead)] : [moment.phase, ...amounts(moment), ...now]
      terminal.note(`${moment.mirror}: ${parts.join(', ')}`)
    },
    end: () => {},
  }
}

/** How much of the work is done, in [0, 1]: of manifests, or of bytes where one large layer is most of it. */
function fraction({ phase, manifests, tags, bytes }: Progress): number {
  if (phase === 'ended') return 1
  if (phase === 'waiting' || phase === 'listing') return 0
  const shareOf = ({ done, total }: Progress['tags']) => (total === null || total === 0 ? 0 : Math.min(1, done / total))
  return Math.max(shareOf(manifests.total === null || manifests.total === 0 ? tags : manifests), shareOf(bytes))
}

function bar(moment: Progress): string {
  const full = Math.round(fraction(moment) * BAR_WIDTH)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`
}

function amounts({ tags, manifests, bytes, failed, leftOut }: Progress): string[] {
  const of = (part: { done: number; total: number | null }, noun: string) =>
    part.total === null ? `${part.done} ${noun}` : `${part.done}/${part.total} ${noun}`
  const read = bytes.total === null ? size(bytes.done) : `${size(bytes.done)} of ${size(bytes.total)}`
  return [
    of(tags, 'tags'),
    of(manifests, 'manifests'),
    read,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(leftOut === 0 ? [] : [`${leftOut} left out`]),
  ]
}

/** Bytes per second since the run was first seen, and what is left at that rate; nothing before a second has passed. */
function speed(first: Progress, moment: Progress): string[] {
  const seconds = (Date.parse(moment.at) - Date.parse(first.at)) / 1000
  if (seconds < 1 || moment.phase === 'ended') return []
  const bytesPerSecond = Math.max(0, moment.bytes.done - first.bytes.done) / seconds
  const missing = moment.bytes.total === null ? 0 : moment.bytes.total - moment.bytes.done
  const left = bytesPerSecond > 0 && missing > 0 ? [`${duration((missing / bytesPerSecond) * 1000)} left`] : []
  return [`${size(Math.round(bytesPerSecond))}/s`, ...left]
}
