/** The runs of a mirror or a replication as they go: as JSON lines, or as server-sent events. */
import type { TypedResponse } from 'hono'
import type { Progress } from '../../api/progress.ts'
import type { Run } from '../../api/runs.ts'
import { isCancelled } from '../../errors.ts'
import { EVENT_STREAM, wantsEvents } from './event-stream.ts'
import { streamLines } from './json-lines.ts'
import { keepOpen } from './route.ts'
import { MOST_MISSED, parseEventId, runEvents } from './run-events.ts'

/** Who has runs: `MirrorEngine`, `Replications`. */
export interface RunsOf {
  run(id: string, runId: string): Promise<Run>
  runs(
    id: string,
    o: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<{ readonly runs: readonly Run[] }>
  wait(runId: string, signal?: AbortSignal): Promise<Run>
  watch(id: string, signal: AbortSignal): AsyncGenerator<Progress>
}

export interface Followed {
  readonly runs: RunsOf
  /** Its id, and its name as moments have it. */
  readonly of: { readonly id: string; readonly name: string }
  /** Undefined: all runs, until the client goes. */
  readonly runId: string | undefined
}

type Asked = Parameters<typeof keepOpen>[0] & { readonly req: { header(name: string): string | undefined } }

/** The type of a streamed answer is that of one line: the framework knows only whole documents. */
type Answer = Response & TypedResponse<Progress, 200, 'json'>

/** @param again decides anew whether the caller may still see it @throws AppError NOT_FOUND for a run of another */
export async function streamRuns(c: Asked, o: Followed, again: () => Promise<unknown>): Promise<Answer> {
  const { runs, of, runId } = o
  if (runId !== undefined) await runs.run(of.id, runId)
  if (!wantsEvents(c.req.header('accept'))) {
    keepOpen(c)
    return streamLines(c.req.raw.signal, (signal) => follow(o, signal), again) as Answer
  }
  const seen = parseEventId(c.req.header('last-event-id'))
  if (runId !== undefined && seen?.runId === runId && seen.isEnded) return new Response(null, { status: 204 }) as Answer
  keepOpen(c)
  const ends = {
    runs: () => runs.runs(of.id, { limit: MOST_MISSED }),
    runId,
    seen,
    endOf: (run: Run) => endOf(run, of.name, undefined),
  }
  const open = (signal: AbortSignal) => runEvents(ends, follow(o, signal))
  return streamLines(c.req.raw.signal, open, again, EVENT_STREAM) as Answer
}

/** Moments of all runs; or those until the named run has ended, its end always among them. */
async function* follow({ runs, of, runId }: Followed, signal: AbortSignal): AsyncGenerator<Progress> {
  if (runId === undefined) {
    yield* runs.watch(of.id, signal)
    return
  }
  const end = new AbortController()
  const waiting = runs.wait(runId, signal).finally(() => end.abort())
  waiting.catch(() => {})
  let last: Progress | undefined
  try {
    for await (const moment of runs.watch(of.id, AbortSignal.any([signal, end.signal]))) {
      if (moment.runId !== runId) continue
      last = moment
      yield moment
      if (moment.phase === 'ended') return
    }
  } catch (error) {
    if (!isCancelled(error)) throw error
  }
  // The run ended before its last moment came by, or another one has begun since.
  yield endOf(await waiting, of.name, last)
}

/** The end of a run as its record tells it. */
function endOf(run: Run, name: string, last: Progress | undefined): Progress {
  const { tagsMoved, tagsUnchanged, tagsExcluded, tagsDiverged, tagsPinned, manifests, referrers, readBytes, failed } =
    run.counts
  const here = tagsMoved + tagsUnchanged
  const whole = (done: number) => ({ done, total: done })
  return {
    at: run.endedAt ?? run.startedAt,
    mirror: name,
    runId: run.id,
    phase: 'ended',
    outcome: run.outcome,
    // What failed and what people moved is upstream's as well: `21/21` would say that nothing is missing.
    tags: { done: here, total: here + tagsDiverged + (run.failures.some(({ tag }) => tag === null) ? 0 : failed) },
    manifests: { done: manifests + referrers, total: last?.manifests.total ?? manifests + referrers },
    bytes: run.outcome === 'done' ? whole(last?.bytes.total ?? readBytes) : (last?.bytes ?? whole(readBytes)),
    failed,
    leftOut: tagsExcluded + tagsDiverged + tagsPinned,
    ahead: null,
    current: null,
  }
}
