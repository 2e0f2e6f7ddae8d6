import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { decideRepository, type RepositoryAction } from '../../access/rights.ts'
import { explainQuerySchema } from '../../api/explain.ts'
import { acrossQuerySchema, listQuerySchema, listSchema } from '../../api/lists.ts'
import { progressSchema } from '../../api/progress.ts'
import {
  type Replication,
  replicationAnswerSchema,
  replicationChangeSchema,
  replicationExplanationSchema,
  replicationListSchema,
  replicationPlanAnswerSchema,
  replicationRunAnswerSchema,
  replicationRunShowSchema,
  replicationStartSchema,
  replicationSyncSchema,
} from '../../api/replications.ts'
import { runSchema } from '../../api/runs.ts'
import { idParameterSchema, nameSchema, repositoryNameSchema, z } from '../../api/schema.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { replicationRunState, replicationState, replicationStateTo } from '../../db/replication/audit-states.ts'
import { AppError } from '../../errors.ts'
import { parseRepositoryName, parseTag } from '../../oci/reference.ts'
import type { ReplicationStart, Replications } from '../../replication/engine.ts'
import {
  actorOf,
  allowInOrganization,
  allowList,
  allowOnName,
  allowOnRepository,
  asRefusal,
  type Granted,
} from './decide.ts'
import { streamRuns } from './follow-runs.ts'
import { begun, body, keepOpen, newRoutes, ok, type Routes, refused } from './route.ts'

const tags = ['replications']
const params = z.strictObject({ organization: nameSchema, replication: idParameterSchema })
const path = '/replications/{organization}/{replication}'

const targetQuery = z
  .string()
  .max(320)
  .regex(/^[^/]+(\/.+)?$/, 'want TARGET, or TARGET/REPOSITORY')
  .describe('TARGET, or TARGET/REPOSITORY')

const list = createRoute({
  method: 'get',
  path: '/replications',
  tags,
  summary: 'List the replications of your organizations that you may see',
  request: {
    query: acrossQuerySchema.extend({
      repository: repositoryNameSchema.optional().describe('Of this repository only'),
      target: targetQuery.optional(),
    }),
  },
  responses: ok('One page, by repository and target', replicationListSchema),
})

const start = createRoute({
  method: 'post',
  path: '/replications',
  tags,
  summary: 'Keep a repository in sync out to a target (owners)',
  description: 'A repository at the target that everybody may read is refused. One that was stopped goes on.',
  request: { body: body(replicationStartSchema) },
  responses: begun(replicationRunAnswerSchema, replicationPlanAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Show a replication',
  request: { params },
  responses: ok('The replication', replicationAnswerSchema),
})

const explain = createRoute({
  method: 'get',
  path: `${path}/explain`,
  tags,
  summary: 'Explain why tags are, or are not, at the target, and what happens next',
  description: 'Without `tag`, all that are not simply in step. Nobody is asked: what the last pass saw is told.',
  request: { params, query: explainQuerySchema },
  responses: ok('One page, by name; the tags that were asked for in their order', replicationExplanationSchema),
})

const sync = createRoute({
  method: 'post',
  path: `${path}/sync`,
  tags,
  summary: 'Bring to the target now what is here',
  request: { params, body: body(replicationSyncSchema) },
  responses: begun(replicationRunAnswerSchema, replicationPlanAnswerSchema),
})

const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Change the settings of a replication (owners)',
  description: 'What is left out stays; null is the default again.',
  request: { params, body: body(replicationChangeSchema) },
  responses: ok('The replication', replicationAnswerSchema),
})

const verb = (name: 'pause' | 'resume' | 'stop', summary: string) =>
  createRoute({
    method: 'post',
    path: `${path}/${name}` as const,
    tags,
    summary,
    request: { params },
    responses: ok('The replication', replicationAnswerSchema),
  })
const pause = verb('pause', 'Send nothing until it is resumed (owners)')
const resume = verb('resume', 'Go on after a pause, with a full check (owners)')
const stop = verb('stop', 'End a replication (owners); what is at the target stays')

const listRuns = createRoute({
  method: 'get',
  path: `${path}/runs`,
  tags,
  summary: 'List the runs of a replication',
  request: { params, query: listQuerySchema },
  responses: ok('One page, newest first', listSchema('runs', runSchema)),
})

const showRun = createRoute({
  method: 'get',
  path: `${path}/runs/{run}`,
  tags,
  summary: 'Show one run of a replication, and what it did',
  request: { params: params.extend({ run: idParameterSchema }), query: listQuerySchema },
  responses: ok('The replication, the run, and one page of its items', replicationRunShowSchema),
})

const progress = createRoute({
  method: 'get',
  path: `${path}/progress`,
  tags,
  summary: 'Follow the runs of a replication as they go',
  description: 'As the progress of a mirror; `mirror` of a moment is `TARGET/REPOSITORY`.',
  request: { params, query: z.strictObject({ run: idParameterSchema.optional() }) },
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
  readonly replications: Replications
}

type Path = { req: { valid(target: 'param'): { organization: string; replication: string } } }

/** As moments of its runs name it. */
export function placeOf({ target }: Pick<Replication, 'target'>): string {
  return `${target.target}/${target.repository}`
}

export function replicationRoutes({ db, replications }: Deps): Routes {
  const absent = () =>
    new AppError('NOT_FOUND', 'there is no such replication', { about: { reason: 'absent', what: 'replication' } })

  /** The replication of a path, once the caller may do `action` to its repository. To whoever may not see that, it is not there. */
  const allow =
    (action: RepositoryAction, what: string) =>
    async (who: Authenticated, c: Path): Promise<Granted<{ readonly replication: Replication }>> => {
      const { organization, replication: id } = c.req.valid('param')
      await allowInOrganization(db, who, organization, 'mirror.list', 'look at replications')
      const replication = await replications.show(id).catch((error) => {
        throw error instanceof AppError && error.code === 'NOT_FOUND' ? absent() : error
      })
      if (replication.organization !== organization) throw absent()
      const name = parseRepositoryName(replication.repository)
      const seen = await decideRepository(db.read, who, name, 'replication.read')
      if (!seen.allowed) throw asRefusal(absent(), { organization, action: `repository.${action}`, object: name })
      return { ...(await allowOnName(db, who, name, action, what)), replication }
    }
  const audit = (action: string, read = replicationState) => ({
    action,
    on: (c: Path) => {
      const { organization, replication } = c.req.valid('param')
      return { organization, object: `replication:${replication}` }
    },
    read: (db: Queries, c: Path) => read(db, c.req.valid('param').replication),
  })
  const only = (names: readonly string[] | undefined) =>
    names === undefined ? undefined : new Set(names.map(parseTag))

  return newRoutes()
    .serve(
      list,
      (who, c) => allowList(db, who, c.req.valid('query').organization, 'replications'),
      async (c, { organizations, viewer }) => {
        const { limit, after, repository, target } = c.req.valid('query')
        const [name = '', ...rest] = target?.split('/') ?? []
        const page = await replications.list({
          organizations: organizations.map((one) => one.name),
          viewer,
          repository,
          target:
            target === undefined ? undefined : { name, repository: rest.length === 0 ? undefined : rest.join('/') },
          limit,
          after,
        })
        return c.json({ replications: [...page.replications], next: page.next }, 200)
      },
    )
    .change(
      start,
      (who, c) =>
        allowOnRepository(
          db,
          who,
          parseRepositoryName(c.req.valid('json').repository),
          'replication.start',
          'replicate',
        ),
      {
        action: 'replication.start',
        on: (c) => {
          const { repository, target } = c.req.valid('json')
          return {
            organization: repository.slice(0, repository.indexOf('/')),
            object: `replication:${repository} ${placeOf({ target })}`,
          }
        },
        read: (db, c) => replicationStateTo(db, c.req.valid('json').repository, c.req.valid('json').target),
      },
      async (c) => {
        const { dryRun, repository, target, settings } = c.req.valid('json')
        const request: ReplicationStart = {
          repository: parseRepositoryName(repository),
          target: target.target,
          targetRepository: parseRepositoryName(target.repository),
          settings,
        }
        keepOpen(c)
        const { signal } = c.req.raw
        if (dryRun) return c.json({ plan: await replications.planStart(request, { signal }) }, 200)
        return c.json(await replications.start({ ...request, signal, by: actorOf(c.var.who) }), 202)
      },
    )
    .serve(show, allow('replication.read', 'see the replications of'), async (c, { replication }) =>
      c.json({ replication }, 200),
    )
    .serve(explain, allow('replication.read', 'explain the tags of'), async (c, { replication }) => {
      const { limit, after, tag } = c.req.valid('query')
      const page = await replications.explain(replication.id, { tags: tag?.map(parseTag), limit, after })
      return c.json({ tags: [...page.tags], next: page.next }, 200)
    })
    .change(
      sync,
      allow('replication.sync', 'replicate'),
      audit('replication.sync', replicationRunState),
      async (c, { replication }) => {
        const { full, tags: names, dryRun } = c.req.valid('json')
        const asked = { full, only: only(names) }
        keepOpen(c)
        if (dryRun) {
          const plan = await replications.planSync(replication.id, { ...asked, signal: c.req.raw.signal })
          return c.json({ plan }, 200)
        }
        return c.json(await replications.sync(replication.id, asked), 202)
      },
    )
    .change(
      change,
      allow('replication.start', 'change the replications of'),
      audit('replication.change'),
      async (c, { replication }) => {
        const changed = await replications.change(replication.id, c.req.valid('json'), actorOf(c.var.who))
        return c.json({ replication: changed }, 200)
      },
    )
    .change(
      pause,
      allow('replication.stop', 'pause the replications of'),
      audit('replication.pause'),
      async (c, { replication }) =>
        c.json({ replication: await replications.pause(replication.id, actorOf(c.var.who)) }, 200),
    )
    .change(
      resume,
      allow('replication.start', 'resume the replications of'),
      audit('replication.resume'),
      async (c, { replication }) =>
        c.json({ replication: await replications.resumeOne(replication.id, actorOf(c.var.who)) }, 200),
    )
    .change(
      stop,
      allow('replication.stop', 'stop the replications of'),
      audit('replication.stop'),
      async (c, { replication }) =>
        c.json({ replication: await replications.stop(replication.id, actorOf(c.var.who)) }, 200),
    )
    .serve(listRuns, allow('replication.read', 'see the replications of'), async (c, { replication }) => {
      const page = await replications.runs(replication.id, c.req.valid('query'))
      return c.json({ runs: [...page.runs], next: page.next }, 200)
    })
    .serve(showRun, allow('replication.read', 'see the replications of'), async (c, { replication }) => {
      const { run } = c.req.valid('param')
      const { items, next } = await replications.runItems(replication.id, run, c.req.valid('query'))
      return c.json({ replication, run: await replications.run(replication.id, run), items: [...items], next }, 200)
    })
    .serve(progress, allow('replication.read', 'see the replications of'), async (c, { replication }, again) => {
      const of = { id: replication.id, name: placeOf(replication) }
      return streamRuns(c, { runs: replications, of, runId: c.req.valid('query').run }, again)
    })
}
