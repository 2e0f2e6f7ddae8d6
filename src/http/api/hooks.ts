import { createRoute } from '@hono/zod-openapi'
import { createHook, endHook } from '../../access/hooks.ts'
import type { Authenticated } from '../../access/principal.ts'
import { upstreamHookCreateSchema, upstreamHookSchema } from '../../api/hooks.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { getOwn } from '../../catalog/upstreams.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { hookState } from '../../db/mirrors/audit-states.ts'
import type { OrganizationRow } from '../../db/schema.ts'
import type { Clock } from '../../lib/clock.ts'
import { HOOKS_PATH } from '../paths.ts'
import { publicUrl } from '../public-url.ts'
import { allowInOrganization, allowOnInstance } from './decide.ts'
import { body, created, done, newRoutes, type Routes } from './route.ts'

const tags = ['upstreams']

const one = {
  params: z.strictObject({ upstream: nameSchema }),
  query: z.strictObject({ organization: nameSchema.optional().describe('Left out: a shared one') }),
}

const create = createRoute({
  method: 'post',
  path: '/upstreams/{upstream}/hook',
  tags,
  summary: 'Make the secret address where webhooks of an upstream come (owners; shared ones: operators)',
  description:
    'What is posted there names tags that were pushed: they are mirrored at once. The address is shown this once.',
  request: { ...one, body: body(upstreamHookCreateSchema) },
  responses: created('The address', upstreamHookSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/upstreams/{upstream}/hook',
  tags,
  summary: 'End the address where webhooks of an upstream come',
  request: one,
  responses: done('Ended'),
})

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly publicUrl: string | undefined
}

export function hookRoutes({ db, clock, publicUrl: configured }: Deps): Routes {
  type Query = { req: { valid(target: 'query'): { readonly organization?: string | undefined } } }
  const allow = async (who: Authenticated, c: Query) => {
    const { organization: name } = c.req.valid('query')
    if (name !== undefined) return allowInOrganization(db, who, name, 'upstream.manage', 'make hooks of upstreams')
    return {
      ...(await allowOnInstance(db, who, 'upstream.share', 'make hooks of shared upstreams')),
      organization: undefined,
    }
  }
  type One = Query & { req: { valid(target: 'param'): { readonly upstream: string } } }
  const audit = (action: string) => ({
    action,
    on: (c: One) => {
      return { organization: c.req.valid('query').organization, object: `upstream:${c.req.valid('param').upstream}` }
    },
    read: (db: Queries, c: One, { organization }: { readonly organization: OrganizationRow | undefined }) =>
      hookState(db, organization?.id ?? null, c.req.valid('param').upstream),
  })
  return newRoutes()
    .change(create, allow, audit('upstream.hook'), async (c, { organization }) => {
      const upstream = await getOwn(db.read, organization?.id ?? null, c.req.valid('param').upstream)
      const base = publicUrl(c.req.raw, configured)
      const secret = await createHook(db, clock, upstream, c.req.valid('json'))
      return c.json({ upstream: upstream.name, url: `${base}${HOOKS_PATH}/${secret.reveal()}` }, 201)
    })
    .change(remove, allow, audit('upstream.unhook'), async (c, { organization }) => {
      await endHook(db, await getOwn(db.read, organization?.id ?? null, c.req.valid('param').upstream))
      return c.body(null, 204)
    })
}
