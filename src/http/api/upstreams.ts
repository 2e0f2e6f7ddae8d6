import { createRoute } from '@hono/zod-openapi'
import { listQuerySchema } from '../../api/lists.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { type Upstream, upstreamAnswerSchema, upstreamCreateSchema, upstreamListSchema } from '../../api/upstreams.ts'
import { addUpstream } from '../../catalog/upstreams.ts'
import type { Database } from '../../db/engine.ts'
import { findUpstream, listUpstreams, removeUpstream, type UpstreamRecord } from '../../db/upstreams.ts'
import { AppError } from '../../errors.ts'
import type { Sealer } from '../../lib/seal.ts'
import { createSecret } from '../../lib/secret.ts'
import { allowInOrganization, allowOnInstance } from './decide.ts'
import { organizationsOf } from './organizations.ts'
import { pageOf } from './page.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['upstreams']

const list = createRoute({
  method: 'get',
  path: '/upstreams',
  tags,
  summary: 'List the upstreams that your organizations may mirror from',
  request: { query: listQuerySchema.extend({ organization: nameSchema.optional() }) },
  responses: ok('One page, by name', upstreamListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/upstreams',
  tags,
  summary: 'Add an upstream (owners; shared ones: operators)',
  request: { body: body(upstreamCreateSchema) },
  responses: created('The upstream; its password is never shown', upstreamAnswerSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/upstreams/{upstream}',
  tags,
  summary: 'Remove an upstream that no mirror reads from',
  request: {
    params: z.strictObject({ upstream: nameSchema }),
    query: z.strictObject({ organization: nameSchema.optional() }).openapi({ description: 'Absent: a shared one' }),
  },
  responses: done('Removed'),
})

export function upstreamRoutes({ db, sealer }: { readonly db: Database; readonly sealer: Sealer }): Routes {
  return newRoutes()
    .openapi(list, async (c) => {
      const { organization, limit, after } = c.req.valid('query')
      const organizations = await organizationsOf(db, c.var.who, organization, 'upstream.read')
      const organizationIds = organizations.map(({ id }) => id)
      const rows = await listUpstreams(db.read, { organizationIds, limit: limit + 1, after })
      const { items, next } = pageOf(rows, limit, (row) => row.id)
      return c.json({ upstreams: items.map(upstreamOf), next }, 200)
    })
    .openapi(create, async (c) => {
      const { organization: name, username, password, ...rest } = c.req.valid('json')
      if (name === null) await allowOnInstance(db, c.var.who, 'upstream.share', 'share upstreams')
      const organization =
        name === null
          ? undefined
          : (await allowInOrganization(db, c.var.who, name, 'upstream.manage', 'add upstreams')).organization
      const row = await addUpstream(db, sealer, {
        ...rest,
        organization,
        credential:
          username === undefined || password === undefined ? undefined : { username, password: createSecret(password) },
      })
      const referrers_from_name = rest.referrersFrom ?? null
      return c.json({ upstream: upstreamOf({ ...row, organization: name, referrers_from_name }) }, 201)
    })
    .openapi(remove, async (c) => {
      const { upstream: name } = c.req.valid('param')
      const { organization } = c.req.valid('query')
      if (organization === undefined) await allowOnInstance(db, c.var.who, 'upstream.share', 'remove shared upstreams')
      const owner =
        organization === undefined
          ? null
          : (await allowInOrganization(db, c.var.who, organization, 'upstream.manage', 'remove upstreams')).organization
      await db.write(async (tx) => {
        const row = await findUpstream(tx, owner?.id ?? null, name)
        if (row === undefined || row.organization_id !== (owner?.id ?? null)) {
          const where = organization === undefined ? 'shared' : `of ${organization}`
          throw new AppError('NOT_FOUND', `there is no upstream ${name} ${where}`)
        }
        await removeUpstream(tx, row)
      })
      return c.body(null, 204)
    })
}

function upstreamOf(row: UpstreamRecord): Upstream {
  return {
    name: row.name,
    url: row.url,
    organization: row.organization,
    username: row.username,
    referrersFrom: row.referrers_from_name,
    plainHttp: row.plain_http === 1,
    prefix: row.prefix,
    createdAt: row.created_at,
  }
}
