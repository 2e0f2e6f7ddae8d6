import { createRoute } from '@hono/zod-openapi'
import type { OrganizationAction } from '../../access/authorize.ts'
import type { Authenticated } from '../../access/principal.ts'
import { acrossQuerySchema, listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, nameSchema, z } from '../../api/schema.ts'
import {
  entryStateSchema,
  type Subscription,
  subscriptionAnswerSchema,
  subscriptionChangeAnswerSchema,
  subscriptionChangeSchema,
  subscriptionEntryListSchema,
  subscriptionListSchema,
  subscriptionPlanAnswerSchema,
  subscriptionStartSchema,
  subscriptionStopSchema,
  subscriptionSyncSchema,
} from '../../api/subscriptions.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { newestSubscription, readingState, subscriptionState } from '../../db/mirrors/audit-states.ts'
import type { Subscriptions } from '../../mirror/subscriptions/subscriptions.ts'
import { actorOf, allowAcross, allowInOrganization, type Granted } from './decide.ts'
import { body, keepOpen, newRoutes, ok, type Routes, refused } from './route.ts'

const tags = ['subscriptions']
const params = z.strictObject({ organization: nameSchema, subscription: idParameterSchema })
const path = '/subscriptions/{organization}/{subscription}'

const list = createRoute({
  method: 'get',
  path: '/subscriptions',
  tags,
  summary: 'List the subscriptions of your organizations',
  request: { query: acrossQuerySchema },
  responses: ok('One page, oldest first', subscriptionListSchema),
})

const start = createRoute({
  method: 'post',
  path: '/subscriptions',
  tags,
  summary: 'Mirror all repositories of an upstream, new ones as they appear (owners)',
  description:
    'The catalog is read first. The mirrors are made in the background, each with its first run in its turn.',
  request: { body: body(subscriptionStartSchema) },
  responses: {
    200: {
      description: 'The plan; nothing was changed',
      content: { 'application/json': { schema: subscriptionPlanAnswerSchema } },
    },
    201: { description: 'Subscribed', content: { 'application/json': { schema: subscriptionAnswerSchema } } },
    ...refused,
  },
})

const show = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Show a subscription',
  request: { params },
  responses: ok('The subscription', subscriptionAnswerSchema),
})

const entries = createRoute({
  method: 'get',
  path: `${path}/entries`,
  tags,
  summary: 'List what has become of each repository of the catalog',
  request: { params, query: listQuerySchema.extend({ state: entryStateSchema.optional() }) },
  responses: ok('One page, by name', subscriptionEntryListSchema),
})

const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Change what a subscription takes, or the settings of all of its mirrors (owners)',
  description: 'What falls out keeps its mirror, which goes on alone. Settings reach the mirrors one after the other.',
  request: { params, body: body(subscriptionChangeSchema) },
  responses: ok('The subscription', subscriptionChangeAnswerSchema),
})

const sync = createRoute({
  method: 'post',
  path: `${path}/sync`,
  tags,
  summary: 'Read the catalog now',
  request: { params, body: body(subscriptionSyncSchema) },
  responses: ok('The subscription; the read goes on in the background', subscriptionAnswerSchema),
})

const pause = createRoute({
  method: 'post',
  path: `${path}/pause`,
  tags,
  summary: 'No new mirrors until it is resumed (owners); those that are there go on',
  request: { params },
  responses: ok('The subscription', subscriptionAnswerSchema),
})

const resume = createRoute({
  method: 'post',
  path: `${path}/resume`,
  tags,
  summary: 'Go on after a pause: the catalog is read at once (owners)',
  request: { params },
  responses: ok('The subscription', subscriptionAnswerSchema),
})

const stop = createRoute({
  method: 'post',
  path: `${path}/stop`,
  tags,
  summary: 'End a subscription (owners); its mirrors go on, unless they are stopped too',
  request: { params, body: body(subscriptionStopSchema) },
  responses: ok('The subscription, as it was at its end', subscriptionAnswerSchema),
})

interface Deps {
  readonly db: Database
  readonly subscriptions: Subscriptions
}

export function subscriptionRoutes({ db, subscriptions }: Deps): Routes {
  type Path = { req: { valid(target: 'param'): { organization: string; subscription: string } } }
  /** The subscription of a path, once the caller may do `action` in its organization. @throws AppError UNAUTHORIZED, DENIED, NOT_FOUND */
  const allow =
    (action: OrganizationAction, what: string) =>
    async (who: Authenticated, c: Path): Promise<Granted<{ readonly subscription: Subscription }>> => {
      const { organization, subscription: id } = c.req.valid('param')
      const granted = await allowInOrganization(db, who, organization, action, what)
      return { ...granted, subscription: await subscriptions.show(id, granted.organization.id) }
    }
  /** It will write to repositories of whatever name that no mirror has made. */
  const allowAdopt = (who: Authenticated, organization: string) =>
    allowInOrganization(db, who, organization, 'repository.push', 'have a subscription take repositories')
  const audit = (action: string, read = subscriptionState) => ({
    action,
    on: (c: Path) => {
      const { organization, subscription } = c.req.valid('param')
      return { organization, object: `subscription:${subscription}` }
    },
    read: (db: Queries, c: Path) => read(db, c.req.valid('param').subscription),
  })
  return newRoutes()
    .serve(
      list,
      (who, c) => allowAcross(db, who, c.req.valid('query').organization, 'subscription.read'),
      async (c, { organizations }) => {
        const { limit, after } = c.req.valid('query')
        const page = await subscriptions.list({ organizationIds: organizations.map(({ id }) => id), limit, after })
        return c.json({ subscriptions: [...page.subscriptions], next: page.next }, 200)
      },
    )
    .change(
      start,
      async (who, c) => {
        const { organization, adopt } = c.req.valid('json')
        if (adopt) await allowAdopt(who, organization)
        return allowInOrganization(db, who, organization, 'subscription.manage', 'start subscriptions')
      },
      {
        action: 'subscription.start',
        on: (c) => {
          const { organization, upstream } = c.req.valid('json')
          return { organization, object: `upstream:${upstream}` }
        },
        read: (db, c, { organization }) => newestSubscription(db, organization.id, c.req.valid('json').upstream),
      },
      async (c) => {
        const { dryRun, ...given } = c.req.valid('json')
        const request = { ...given, signal: c.req.raw.signal }
        keepOpen(c)
        if (dryRun) return c.json({ plan: await subscriptions.planStart(request) }, 200)
        return c.json({ subscription: await subscriptions.start({ ...request, by: actorOf(c.var.who) }) }, 201)
      },
    )
    .serve(show, allow('subscription.read', 'see subscriptions'), async (c, { subscription }) =>
      c.json({ subscription }, 200),
    )
    .serve(entries, allow('subscription.read', 'see subscriptions'), async (c, { subscription }) => {
      const page = await subscriptions.entries(subscription.id, c.req.valid('query'))
      return c.json({ entries: [...page.entries], next: page.next }, 200)
    })
    .change(
      change,
      async (who, c) => {
        if (c.req.valid('json').adopt) await allowAdopt(who, c.req.valid('param').organization)
        return allow('subscription.manage', 'change subscriptions')(who, c)
      },
      audit('subscription.change'),
      async (c, { subscription }) =>
        c.json(await subscriptions.change(subscription.id, c.req.valid('json'), actorOf(c.var.who)), 200),
    )
    .change(
      sync,
      allow('subscription.sync', 'sync subscriptions'),
      audit('subscription.sync', readingState),
      async (c, { subscription: { id } }) => {
        const { acceptShrink } = c.req.valid('json')
        return c.json({ subscription: await subscriptions.sync(id, { acceptShrink, by: actorOf(c.var.who) }) }, 200)
      },
    )
    .change(
      pause,
      allow('subscription.manage', 'pause subscriptions'),
      audit('subscription.pause'),
      async (c, { subscription }) =>
        c.json({ subscription: await subscriptions.pause(subscription.id, actorOf(c.var.who)) }, 200),
    )
    .change(
      resume,
      allow('subscription.manage', 'resume subscriptions'),
      audit('subscription.resume'),
      async (c, { subscription }) =>
        c.json({ subscription: await subscriptions.unpause(subscription.id, actorOf(c.var.who)) }, 200),
    )
    .change(
      stop,
      allow('subscription.manage', 'stop subscriptions'),
      audit('subscription.stop'),
      async (c, { subscription: { id } }) => {
        const { mirrors } = c.req.valid('json')
        return c.json({ subscription: await subscriptions.stop(id, { mirrors, by: actorOf(c.var.who) }) }, 200)
      },
    )
}
