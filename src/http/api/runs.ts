import { createRoute } from '@hono/zod-openapi'
import type { TypedResponse } from 'hono'
import { listQuerySchema, listSchema } from '../../api/lists.ts'
import { type Mirror, runAnswerSchema } from '../../api/mirrors.ts'
import { type Progress, progressSchema } from '../../api/progress.ts'
import { type Run, runSchema } from '../../api/runs.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import type { Database } from '../../db/engine/engine.ts'
import { isCancelled } from '../../errors.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import { EVENT_STREAM, wantsEvents } from './event-stream.ts'
import { streamLines } from './json-lines.ts'
import { decideOnMirrors } from './mirrors.ts'
import { repositoryPathSchema } from './repositories.ts'
import { keepOpen, newRoutes, ok, type Routes, refused } from './route.ts'
import { parseEventId, runEvents } from './run-events.ts'

const tags = ['runs']

const list = createRoute({
  method: 'get',
  path: '/mirrors/{organization}/{name}/runs',
  tags,
  summary: 'List the runs of a mirror',
  request: { params: repositoryPathSchema, query: listQuerySchema },
  responses: ok('One page, newest first', listSchema('runs', runSchema)),
})

const show = createRoute({
  method: 'get',
  path: '/mirrors/{organization}/{name}/runs/{run}',
  tags,
  summary: 'Show one run of a mirror, and what it did',
  description: '`limit` and `after` page the items; the tags that it moved come first.',
  request: { params: repositoryPathSchema.extend({ run: idParameterSchema }), query: listQuerySchema },
  responses: ok('The mirror, the run, and one page of its items', runAnswerSchema),
})

const progress = createRoute({
  method: 'get',
  path: '/mirrors/{organization}/{name}/progress',
  tags,
  summary: 'Follow the runs of a mirror as they go',
  description:
    'JSON lines, the present moment first; an empty line now and then keeps the connection alive. With `run`, it ends with that run. It breaks off within seconds once the caller may no longer see it. To whoever accepts `text/event-stream`: server-sent events, `progress` and `end`, each with a Progress; a client that comes back with the `Last-Event-ID` that it saw last, to whichever server, gets the ends that it has missed, and 204 once the run that it asked for is over.',
  request: { params: repositoryPathSchema, query: z.strictObject({ run: idParameterSchema.optional() }) },
  responses: {
    200: {
      description: 'One Progress a line, or an event',
      content: { 'application/jsonl': { schema: progressSchema }, 'text/event-stream': { schema: progressSchema } },
    },
    204: { description: 'The end of the run was the last event that the client saw: it need not come back' },
    ...refused,
  },
})

interface Deps {
  readonly db: Database
  readonly mirrors: MirrorEngine
}

export function runRoutes(deps: Deps): Routes {
  const { mirrors } = deps
  const allow = decideOnMirrors(deps)('mirror.read', 'see the runs of')
  function events(
    c: Parameters<typeof keepOpen>[0] & { readonly req: { header(name: string): string | undefined } },
    mirror: Mirror,
    runId: string | undefined,
    again: () => Promise<unknown>,
  ) {
    const seen = parseEventId(c.req.header('last-event-id'))
    type Answer = Response & TypedResponse<Progress, 200, 'json'>
    if (runId !== undefined && seen?.runId === runId && seen.isEnded)
      return new Response(null, { status: 204 }) as Answer
    keepOpen(c)
    const o = { mirrors, mirror, runId, seen, endOf: (run: Run) => endOf(run, mirror, undefined) }
    const open = (signal: AbortSignal) => runEvents(o, follow(mirrors, mirror, runId, signal))
    return streamLines(c.req.raw.signal, open, again, EVENT_STREAM) as Answer
  }

  return newRoutes()
    .serve(list, allow, async (c, { mirror }) => {
      const page = await mirrors.runs(mirror.id, c.req.valid('query'))
      return c.json({ runs: [...page.runs], next: page.next }, 200)
    })
    .serve(show, allow, async (c, { mirror }) => {
      const { run } = c.req.valid('param')
      const { items, next } = await mirrors.runItems(mirror.id, run, c.req.valid('query'))
      return c.json({ mirror, run: await mirrors.run(mirror.id, run), items: [...items], next }, 200)
    })
    .serve(progress, allow, async (c, { mirror }, again) => {
      const { run } = c.req.valid('query')
      if (run !== undefined) await mirrors.run(mirror.id, run)
      if (wantsEvents(c.req.header('accept'))) return events(c, mirror, run, again)
      keepOpen(c)
      const lines = streamLines(c.req.raw.signal, (signal) => follow(mirrors, mirror, run, signal), again)
      // The type of a streamed answer is that of one line: the framework knows only whole documents.
      return lines as Response & TypedResponse<Progress, 200, 'json'>
    })
}

/** Moments of all runs; or those until the named run has ended, its end always among them. */
async function* follow(
  mirrors: MirrorEngine,
  mirror: Mirror,
  runId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Progress> {
  if (runId === undefined) {
    yield* mirrors.watch(mirror.id, signal)
    return
  }
  const end = new AbortController()
  const waiting = mirrors.wait(runId, signal).finally(() => end.abort())
  waiting.catch(() => {})
  let last: Progress | undefined
  try {
    for await (const moment of mirrors.watch(mirror.id, AbortSignal.any([signal, end.signal]))) {
      if (moment.runId !== runId) continue
      last = moment
      yield moment
      if (moment.phase === 'ended') return
    }
  } catch (error) {
    if (!isCancelled(error)) throw error
  }
  // The run ended before its last moment came by, or another one has begun since.
  yield endOf(await waiting, mirror, last)
}

/** The end of a run as its record tells it. */
function endOf(run: Run, mirror: Mirror, last: Progress | undefined): Progress {
  const { tagsMoved, tagsUnchanged, tagsExcluded, tagsDiverged, tagsPinned, manifests, referrers, readBytes, failed } =
    run.counts
  const here = tagsMoved + tagsUnchanged
  const whole = (done: number) => ({ done, total: done })
  return {
    at: run.endedAt ?? run.startedAt,
    mirror: mirror.repository,
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
