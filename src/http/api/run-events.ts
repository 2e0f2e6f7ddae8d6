/** Runs as server-sent events: a client that comes back, to whichever server, misses no end. */
import type { Progress } from '../../api/progress.ts'
import type { Run } from '../../api/runs.ts'
import type { ServerEvent } from './event-stream.ts'

/** Runs that may have ended while a client was away: of more, it gets the newest. */
export const MOST_MISSED = 50

/** What a client has seen last. */
interface Seen {
  readonly runId: string
  readonly isEnded: boolean
  readonly atMs: number
}

const ID = /^([A-Za-z0-9-]{1,64})\.(running|ended)\.(\d{1,15})$/

/** @returns undefined for what is none of ours: the client then begins anew */
export function parseEventId(text: string | undefined): Seen | undefined {
  const match = ID.exec(text ?? '')
  if (match?.[1] === undefined) return undefined
  return { runId: match[1], isEnded: match[2] === 'ended', atMs: Number(match[3]) }
}

function eventOf(moment: Progress): ServerEvent {
  const isEnded = moment.phase === 'ended'
  const id = `${moment.runId}.${isEnded ? 'ended' : 'running'}.${Date.parse(moment.at)}`
  return { id, event: isEnded ? 'end' : 'progress', data: moment }
}

/**
 * @param live moments from now on, the present one first
 * @param seen undefined: a client that comes for the first time
 */
export async function* runEvents(
  o: {
    /** The newest. */
    runs(): Promise<{ readonly runs: readonly Run[] }>
    /** Only this run. */
    readonly runId: string | undefined
    readonly seen: Seen | undefined
    endOf(run: Run): Progress
  },
  live: AsyncGenerator<Progress>,
): AsyncGenerator<ServerEvent> {
  const { seen } = o
  const told = new Set<string>()
  const page = async () => (await o.runs()).runs
  try {
    let next = live.next()
    // A failure is looked at where it is awaited.
    next.catch(() => {})
    if (seen !== undefined && (await page()).length > 0) {
      // Only once the present moment is there, all that comes later is followed: what is read after that leaves no gap.
      await next
      for (const run of missedRuns(await page(), seen)) {
        if (o.runId !== undefined && run.id !== o.runId) continue
        told.add(run.id)
        yield eventOf(o.endOf(run))
      }
      if (seen.isEnded) told.add(seen.runId)
    }
    for (;;) {
      const { done, value } = await next
      if (done === true) return
      if (!told.has(value.runId)) yield eventOf(value)
      next = live.next()
      next.catch(() => {})
    }
  } finally {
    await live.return(undefined)
  }
}

/** Runs whose end the client cannot know of, in the order of their ends. @param runs newest first */
function missedRuns(runs: readonly Run[], seen: Seen): Run[] {
  const place = runs.findIndex(({ id }) => id === seen.runId)
  return runs
    .filter((run, index) => {
      if (run.endedAt === null || (run.id === seen.runId && seen.isEnded)) return false
      return run.id === seen.runId || (place !== -1 && index < place) || Date.parse(run.endedAt) >= seen.atMs
    })
    .sort((a, b) => Date.parse(a.endedAt ?? '') - Date.parse(b.endedAt ?? ''))
}
