import { createRoute } from '@hono/zod-openapi'
import {
  type CollectionPlanView,
  type CollectionView,
  collectionAnswerSchema,
  collectionPlanAnswerSchema,
  collectionPlanQuerySchema,
  collectionStartSchema,
} from '../../api/collections.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import { findCollection } from '../../db/collection/collections.ts'
import type { Database } from '../../db/engine/engine.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import { findLease } from '../../db/platform/leases.ts'
import type { CollectionRow, RepositoryRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { createFairLimiter } from '../../lib/fair-limiter.ts'
import type { Logger } from '../../lib/logger.ts'
import type { CollectorOptions } from '../../registry/collection/collector.ts'
import { COLLECTION_LEASE } from '../../registry/collection/waits.ts'
import { actorOf, allowOnInstance, allowOnRepository, nameOf } from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { body, newRoutes, ok, type Routes, refused } from './route.ts'

const tags = ['collection']

const plan = createRoute({
  method: 'get',
  path: '/collections/plan',
  tags,
  summary: 'What a garbage collection would take, and why (operators)',
  request: { query: collectionPlanQuerySchema },
  responses: ok('Nothing was changed', collectionPlanAnswerSchema),
})

const planOfOne = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/collection',
  tags,
  summary: 'What a garbage collection would take of a repository, and why (its admins)',
  request: { params: repositoryPathSchema },
  responses: ok('Nothing was changed', collectionPlanAnswerSchema),
})

const start = createRoute({
  method: 'post',
  path: '/collections',
  tags,
  summary: 'Collect what nothing refers to any more (operators)',
  description: 'It goes on in the background, with a plan of its own; only one is under way at a time.',
  request: { body: body(collectionStartSchema) },
  responses: {
    202: { description: 'Begun', content: { 'application/json': { schema: collectionAnswerSchema } } },
    ...refused,
  },
})

const show = createRoute({
  method: 'get',
  path: '/collections/{collection}',
  tags,
  summary: 'How far a garbage collection is (operators)',
  request: { params: z.strictObject({ collection: idParameterSchema }) },
  responses: ok('The collection', collectionAnswerSchema),
})

export interface CollectionDeps {
  readonly db: Database
  readonly logger: Logger
  readonly collector: CollectorOptions & { readonly signal: AbortSignal }
}

export function collectionRoutes({ db, logger, collector }: CollectionDeps): Routes {
  /** Plans are work: those of one organization wait for each other, and not long, and hold up nobody else's for more than one. */
  const limiter = createFairLimiter({
    atOnce: 1,
    total: 100,
    perClient: 4,
    refuse: () =>
      new AppError('TOOMANYREQUESTS', 'plans of this organization are being made already: try again', {
        detail: { retryAfterSeconds: 5 },
      }),
  })
  const preview = async (isNow: boolean, repository: RepositoryRow | undefined, signal: AbortSignal) => {
    const { previewCollection } = await import('../../registry/collection/preview.ts')
    return limiter.run(repository?.organization_id, async () => {
      const moment = { now: collector.clock.now(), settings: collector.settings, isNow }
      return viewOfPlan(await previewCollection(collector, moment, repository?.id, signal))
    })
  }
  return newRoutes()
    .serve(
      plan,
      (who) => allowOnInstance(db, who, 'instance.read', 'see what is collected'),
      async (c) => {
        const { now = false } = c.req.valid('query')
        return c.json({ plan: await preview(now, undefined, c.req.raw.signal) }, 200)
      },
    )
    .serve(
      planOfOne,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'admin'),
      async (c, { repository }) => c.json({ plan: await preview(false, repository, c.req.raw.signal) }, 200),
    )
    .change(
      start,
      (who) => allowOnInstance(db, who, 'instance.admin', 'collect garbage'),
      { action: 'collection.start', on: () => ({ organization: null, object: 'collection' }), read: undefined },
      async (c) => {
        const { now = false } = c.req.valid('json')
        const { startCollection } = await import('../../registry/collection/collector.ts')
        const change = { organizationId: null, action: 'collection.start', object: 'collection', before: null }
        const { id, done } = await startCollection(collector, {
          requestedBy: actorOf(c.var.who),
          isNow: now,
          signal: collector.signal,
          noteStart: (tx) => recordAudit(tx, { ...change, after: { now } }),
        })
        done.then(
          (collected) => logger.info({ collection: id, ...collected }, 'garbage collection ended'),
          (error) => logger.error({ err: error, collection: id }, 'garbage collection failed'),
        )
        return c.json({ collection: await getView(db, id) }, 202)
      },
    )
    .serve(
      show,
      (who) => allowOnInstance(db, who, 'instance.read', 'see what is collected'),
      async (c) => c.json({ collection: await getView(db, c.req.valid('param').collection) }, 200),
    )
}

async function getView(db: Database, id: string): Promise<CollectionView> {
  const row = await findCollection(db.read, id)
  if (row === undefined) throw new AppError('NOT_FOUND', `there is no collection ${id}`)
  const lease = row.ended_at === null ? await findLease(db.read, COLLECTION_LEASE) : undefined
  if (lease === undefined) return viewOf(row)
  const isAlive =
    lease.generation === row.generation && lease.holder !== null && Date.parse(lease.expires_at) > Date.now()
  // It may have ended between the two reads.
  if (isAlive) return viewOf(row)
  const now = (await findCollection(db.read, id)) ?? row
  return viewOf(now.ended_at === null ? { ...now, ended_at: lease.expires_at, problem: BROKEN_OFF } : now)
}

const BROKEN_OFF = 'the server that was at it ended; what is left goes with the next one'

function viewOf(row: CollectionRow): CollectionView {
  return {
    id: row.id,
    requestedBy: row.requested_by,
    now: row.ignores_grace === 1,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    manifests: row.manifests,
    blobs: row.blobs,
    objects: row.objects,
    freedBytes: Number(row.freed_bytes),
    problem: row.problem,
  }
}

function viewOfPlan(
  made: Awaited<ReturnType<typeof import('../../registry/collection/preview.ts').previewCollection>>,
): CollectionPlanView {
  return {
    items: made.items.map(({ digest, repository, goesAt, ...item }) => ({
      ...item,
      digest: digest ?? null,
      repository: repository ?? null,
      goesAt: goesAt ?? null,
    })),
    totals: made.totals,
  }
}
