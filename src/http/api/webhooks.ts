import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { acrossQuerySchema, listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, nameSchema, z } from '../../api/schema.ts'
import {
  deliveryAnswerSchema,
  deliveryListSchema,
  deliveryQuerySchema,
  placedWebhookListSchema,
  redeliveredSchema,
  redeliverSchema,
  webhookAnswerSchema,
  webhookChangedSchema,
  webhookChangeSchema,
  webhookCreatedSchema,
  webhookCreateSchema,
  webhookListSchema,
} from '../../api/webhooks.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import type { OrganizationRow, RepositoryRow } from '../../db/schema.ts'
import { webhookState } from '../../db/webhooks/audit-states.ts'
import type { Webhooks } from '../../events/webhooks.ts'
import { actorOf, allowOnWebhooks, allowWebhookList } from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['webhooks']

const listAll = createRoute({
  method: 'get',
  path: '/webhooks',
  tags,
  summary: 'List the webhooks of your organizations that you may see, and how they are',
  description: 'Of repositories to their admins, of whole organizations to owners.',
  request: { query: acrossQuerySchema },
  responses: ok('One page, by name', placedWebhookListSchema),
})

interface Place {
  /** The path of what has them. */
  readonly base: string
  /** Names it; `webhook` and `delivery` come to it. */
  readonly params: typeof repositoryPathSchema | typeof organizationPathSchema
  readonly of: string
  readonly who: string
}

const organizationPathSchema = z.strictObject({ organization: nameSchema })

const PLACES: readonly Place[] = [
  {
    base: '/repositories/{organization}/{name}/webhooks',
    params: repositoryPathSchema,
    of: 'a repository',
    who: 'admins of the repository',
  },
  {
    base: '/organizations/{organization}/webhooks',
    params: organizationPathSchema,
    of: 'an organization, for repositories by pattern',
    who: 'owners',
  },
]

/** The same routes for what has webhooks. */
function routesOf({ base, params, of, who }: Place) {
  const one = params.extend({ webhook: nameSchema })
  const delivery = one.extend({ delivery: idParameterSchema })
  return {
    list: createRoute({
      method: 'get',
      path: base,
      tags,
      summary: `List the webhooks of ${of} (${who})`,
      request: { params, query: listQuerySchema },
      responses: ok('One page, by name', webhookListSchema),
    }),
    create: createRoute({
      method: 'post',
      path: base,
      tags,
      summary: `Make a webhook of ${of} (${who})`,
      description: 'It is told of what happens from now on. Its secret is in this answer, and never shown again.',
      request: { params, body: body(webhookCreateSchema) },
      responses: created('The webhook and its secret', webhookCreatedSchema),
    }),
    show: createRoute({
      method: 'get',
      path: `${base}/{webhook}`,
      tags,
      summary: 'Show one webhook',
      request: { params: one },
      responses: ok('The webhook', webhookAnswerSchema),
    }),
    change: createRoute({
      method: 'patch',
      path: `${base}/{webhook}`,
      tags,
      summary: 'Change a webhook, or its secret',
      request: { params: one, body: body(webhookChangeSchema) },
      responses: ok('The webhook; with a new secret when one was asked for', webhookChangedSchema),
    }),
    remove: createRoute({
      method: 'delete',
      path: `${base}/{webhook}`,
      tags,
      summary: 'Delete a webhook with its deliveries',
      request: { params: one },
      responses: done('Deleted'),
    }),
    test: createRoute({
      method: 'post',
      path: `${base}/{webhook}/test`,
      tags,
      summary: 'Send a webhook an event of kind `webhook.test`',
      request: { params: one },
      responses: created('The delivery, which is under way', deliveryAnswerSchema),
    }),
    deliveries: createRoute({
      method: 'get',
      path: `${base}/{webhook}/deliveries`,
      tags,
      summary: 'List what was and is to be delivered, with every attempt',
      request: { params: one, query: deliveryQuerySchema },
      responses: ok('One page, newest event first', deliveryListSchema),
    }),
    delivery: createRoute({
      method: 'get',
      path: `${base}/{webhook}/deliveries/{delivery}`,
      tags,
      summary: 'Show one delivery',
      request: { params: delivery },
      responses: ok('The delivery', deliveryAnswerSchema),
    }),
    redeliver: createRoute({
      method: 'post',
      path: `${base}/{webhook}/redeliver`,
      tags,
      summary: 'Deliver again: one delivery, all that failed since a time, or an event',
      description: 'Ids stay the same, so that receivers know what they have seen.',
      request: { params: one, body: body(redeliverSchema) },
      responses: ok('What is sent again', redeliveredSchema),
    }),
  }
}

interface Path {
  readonly organization: string
  readonly name?: string
}

export function webhookRoutes({ db, webhooks }: { readonly db: Database; readonly webhooks: Webhooks }): Routes {
  type Named = { req: { valid(target: 'param'): Path } }
  const allow = (verb: 'read' | 'manage') => (who: Authenticated, c: Named) =>
    allowOnWebhooks(db, who, c.req.valid('param'), verb)
  type Scope = { readonly organization: OrganizationRow; readonly repository: RepositoryRow | undefined }
  const objectOf = ({ organization, name }: Path, webhook: string) =>
    `webhook:${name === undefined ? organization : `${organization}/${name}`}/${webhook}`
  const stateOf = (queries: Queries, { organization, repository }: Scope, webhook: string) =>
    webhookState(queries, repository?.id ?? organization.id, webhook)
  type OnWebhook = { req: { valid(target: 'param'): Path & { readonly webhook: string } } }
  const on = (c: OnWebhook) => {
    const path = c.req.valid('param')
    return { organization: path.organization, object: objectOf(path, path.webhook) }
  }
  const audit = (action: string) => ({
    action,
    on,
    read: (queries: Queries, c: OnWebhook, scope: Scope) => stateOf(queries, scope, c.req.valid('param').webhook),
  })
  type OnNew = { req: { valid(target: 'param'): Path } & { valid(target: 'json'): { readonly name: string } } }
  const auditCreate = {
    action: 'webhook.create',
    on: (c: OnNew) => {
      const path = c.req.valid('param')
      return { organization: path.organization, object: objectOf(path, c.req.valid('json').name) }
    },
    read: (queries: Queries, c: OnNew, scope: Scope) => stateOf(queries, scope, c.req.valid('json').name),
  }
  const routes = newRoutes().serve(
    listAll,
    (who, c) => allowWebhookList(db, who, c.req.valid('query').organization),
    async (c, { organizations, wholes, viewer }) => {
      const { limit, after } = c.req.valid('query')
      const organizationIds = organizations.map(({ id }) => id)
      const page = await webhooks.listAcross({ organizationIds, wholes, viewer, limit, after })
      return c.json({ webhooks: [...page.items], next: page.next }, 200)
    },
  )
  for (const place of PLACES) {
    const { list, create, show, change, remove, test, deliveries, delivery, redeliver } = routesOf(place)
    routes
      .serve(list, allow('read'), async (c, scope) => {
        const page = await webhooks.list(scope, c.req.valid('query'))
        return c.json({ webhooks: [...page.items], next: page.next }, 200)
      })
      .change(create, allow('manage'), auditCreate, async (c, scope) => {
        const made = await webhooks.create(scope, { ...c.req.valid('json'), by: actorOf(c.var.who) })
        return c.json({ webhook: made.webhook, secret: made.secret.reveal() }, 201)
      })
      .serve(show, allow('read'), async (c, scope) =>
        c.json({ webhook: await webhooks.show(scope, c.req.valid('param').webhook) }, 200),
      )
      .change(change, allow('manage'), audit('webhook.change'), async (c, scope) => {
        const { webhook, secret } = await webhooks.change(scope, c.req.valid('param').webhook, c.req.valid('json'))
        return c.json({ webhook, ...(secret === undefined ? {} : { secret: secret.reveal() }) }, 200)
      })
      .change(remove, allow('manage'), audit('webhook.delete'), async (c, scope) => {
        await webhooks.remove(scope, c.req.valid('param').webhook)
        return c.body(null, 204)
      })
      .change(test, allow('manage'), { action: 'webhook.test', on, read: undefined }, async (c, scope) => {
        const begun = await webhooks.test(scope, c.req.valid('param').webhook, actorOf(c.var.who))
        return c.json({ delivery: begun }, 201)
      })
      .serve(deliveries, allow('read'), async (c, scope) => {
        const page = await webhooks.deliveries(scope, c.req.valid('param').webhook, c.req.valid('query'))
        return c.json({ deliveries: [...page.items], next: page.next }, 200)
      })
      .serve(delivery, allow('read'), async (c, scope) => {
        const { webhook, delivery: id } = c.req.valid('param')
        return c.json({ delivery: await webhooks.delivery(scope, webhook, id) }, 200)
      })
      .change(redeliver, allow('manage'), { action: 'webhook.redeliver', on, read: undefined }, async (c, scope) =>
        c.json(await webhooks.redeliver(scope, c.req.valid('param').webhook, c.req.valid('json')), 200),
      )
  }
  return routes
}
