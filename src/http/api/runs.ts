import { createRoute } from '@hono/zod-openapi'
import { listQuerySchema, listSchema } from '../../api/lists.ts'
import { runAnswerSchema } from '../../api/mirrors.ts'
import { progressSchema } from '../../api/progress.ts'
import { runSchema } from '../../api/runs.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import { streamRuns } from './follow-runs.ts'
import { decideOnMirrors } from './mirrors.ts'
import { repositoryPathSchema } from './repositories.ts'
import { newRoutes, ok, type Routes, refused } from './route.ts'

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
      return streamRuns(c, { runs: mirrors, of: { id: mirror.id, name: mirror.repository }, runId: run }, again)
    })
}
