import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { decideInstance } from '../../access/rights.ts'
import { acrossQuerySchema } from '../../api/lists.ts'
import type { Budget } from '../../api/rates.ts'
import { nameSchema, z } from '../../api/schema.ts'
import {
  type Upstream,
  upstreamAnswerSchema,
  upstreamChangeAnswerSchema,
  upstreamChangeSchema,
  upstreamCreateSchema,
  upstreamListSchema,
  upstreamShowSchema,
} from '../../api/upstreams.ts'
import { ceilingsFor } from '../../catalog/upstream-rates.ts'
import { addUpstream, type CheckUpstream, changeUpstream, getOwn } from '../../catalog/upstreams.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { upstreamState } from '../../db/mirrors/audit-states.ts'
import { listDestinations } from '../../db/mirrors/catalog.ts'
import { findHook } from '../../db/mirrors/upstream-hooks.ts'
import {
  findReferrerSourceName,
  listUpstreams,
  maxRateOf,
  removeUpstream,
  type UpstreamRecord,
  upstreamCursor,
} from '../../db/mirrors/upstreams.ts'
import type { OrganizationRow, UpstreamRow } from '../../db/schema.ts'
import type { Sealer } from '../../lib/seal.ts'
import { createSecret } from '../../lib/secret.ts'
import { readPage } from '../../lib/weighed-page.ts'
import { actorOf, allowAcross, allowInOrganization, allowList, allowOnInstance } from './decide.ts'
import { body, created, done, keepOpen, newRoutes, ok, type Routes } from './route.ts'

const tags = ['upstreams']

const list = createRoute({
  method: 'get',
  path: '/upstreams',
  tags,
  summary: 'List the upstreams that your organizations may mirror from',
  request: { query: acrossQuerySchema },
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

const one = {
  params: z.strictObject({ upstream: nameSchema }),
  query: z.strictObject({ organization: nameSchema.optional().describe('Left out: a shared one') }),
}

const show = createRoute({
  method: 'get',
  path: '/upstreams/{upstream}',
  tags,
  summary: 'Show an upstream, and what is left of its budget (owners; shared ones: operators)',
  request: one,
  responses: ok('The upstream; its password is never shown', upstreamShowSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/upstreams/{upstream}',
  tags,
  summary: 'Change address, login or trust of an upstream (owners; shared ones: operators)',
  description: 'Its mirrors go on, with the new settings from their next run on. What is left out stays.',
  request: { ...one, body: body(upstreamChangeSchema) },
  responses: ok('The upstream; its password is never shown', upstreamChangeAnswerSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/upstreams/{upstream}',
  tags,
  summary: 'Remove an upstream that no mirror reads from',
  request: one,
  responses: done('Removed'),
})

/** A request about one upstream. */
type One = {
  readonly req: { valid(target: 'query'): { readonly organization?: string | undefined } }
} & { readonly req: { valid(target: 'param'): { readonly upstream: string } } }

interface Deps {
  readonly db: Database
  readonly sealer: Sealer
  readonly checkUpstream: CheckUpstream
  /** @param organizations ids of those whose waiting requests are told; undefined: all */
  budgetOf(upstream: UpstreamRow, organizations: readonly string[] | undefined): Promise<Budget>
}

export function upstreamRoutes({ db, sealer, checkUpstream, budgetOf }: Deps): Routes {
  type Query = { req: { valid(target: 'query'): { readonly organization?: string | undefined } } }
  /** Shared upstreams are for members of some organization, and for those who share them. */
  const allowSeen = async (who: Authenticated, c: Query) => {
    const granted = await allowAcross(db, who, c.req.valid('query').organization, 'upstream.read')
    const isSharer = (await decideInstance(db.read, who, 'upstream.share')).allowed
    return { ...granted, isSharer, seesShared: granted.organizations.length > 0 || granted.isOperator }
  }
  const allowManage = async (who: Authenticated, name: string | null | undefined, what: string) => {
    if (name !== null && name !== undefined) {
      return allowInOrganization(db, who, name, 'upstream.manage', `${what} upstreams`)
    }
    return {
      ...(await allowOnInstance(db, who, 'upstream.share', `${what} shared upstreams`)),
      organization: undefined,
    }
  }
  /** With the organizations whose mirrors of it may be named. */
  const allowChange = async (who: Authenticated, c: Query) => {
    const granted = await allowManage(who, c.req.valid('query').organization, 'change')
    const { organization } = granted
    const list = await allowList(db, who, organization?.name, 'mirrors')
    return { ...granted, organization, seen: list.organizations, viewer: list.viewer }
  }
  const describe = async (row: UpstreamRow, organization: string | null) =>
    upstreamOf({ ...row, organization, referrers_from_name: await findReferrerSourceName(db.read, row) }, true)
  const audit = (action: string) => ({
    action,
    on: (c: One) => {
      return { organization: c.req.valid('query').organization, object: `upstream:${c.req.valid('param').upstream}` }
    },
    read: (db: Queries, c: One, { organization }: { readonly organization: OrganizationRow | undefined }) =>
      upstreamState(db, organization?.id ?? null, c.req.valid('param').upstream),
  })
  return newRoutes()
    .serve(list, allowSeen, async (c, { organizations, seesShared, isSharer }) => {
      const { limit, after } = c.req.valid('query')
      const organizationIds = organizations.map(({ id }) => id)
      const { items, next } = await readPage({
        limit,
        after,
        read: (from, count) => listUpstreams(db.read, { organizationIds, seesShared, limit: count, after: from }),
        keyOf: upstreamCursor,
      })
      return c.json({ upstreams: items.map((row) => upstreamOf(row, isSharer)), next }, 200)
    })
    .change(
      create,
      (who, c) => allowManage(who, c.req.valid('json').organization, 'add'),
      {
        action: 'upstream.create',
        on: (c) => {
          const { organization, name } = c.req.valid('json')
          return { organization, object: `upstream:${name}` }
        },
        read: (db, c, { organization }) => upstreamState(db, organization?.id ?? null, c.req.valid('json').name),
      },
      async (c, { organization }) => {
        const { organization: name, username, password, check, ...rest } = c.req.valid('json')
        const credential =
          username === undefined || password === undefined ? null : { username, password: createSecret(password) }
        if (check) keepOpen(c)
        const added = await addUpstream(
          db,
          sealer,
          { ...rest, organization, credential },
          check ? { run: checkUpstream, signal: c.req.raw.signal } : undefined,
        )
        return c.json({ upstream: await describe(added.row, name), check: added.findings }, 201)
      },
    )
    .serve(
      show,
      (who, c) => allowManage(who, c.req.valid('query').organization, 'look at'),
      async (c, { organization: owner }) => {
        const row = await getOwn(db.read, owner?.id ?? null, c.req.valid('param').upstream)
        const budget = await budgetOf(row, owner === undefined ? undefined : [owner.id])
        const hook = await findHook(db.read, row.id)
        const shown = hook === undefined ? null : { createdAt: hook.created_at }
        return c.json({ upstream: await describe(row, owner?.name ?? null), budget, hook: shown }, 200)
      },
    )
    .change(change, allowChange, audit('upstream.change'), async (c, { organization: owner, seen, viewer }) => {
      const { upstream: name } = c.req.valid('param')
      const { organization: named = null } = c.req.valid('query')
      const { username, password, check, dryRun, ...rest } = c.req.valid('json')
      const credential = typeof password === 'string' ? { username, password: createSecret(password) } : password
      if (check) keepOpen(c)
      const changed = await changeUpstream(
        db,
        sealer,
        { organizationId: owner?.id ?? null, name, actor: actorOf(c.var.who) },
        { ...rest, credential },
        check ? { run: checkUpstream, signal: c.req.raw.signal } : undefined,
        { isDryRun: dryRun },
      )
      const destinations = await listDestinations(
        db.read,
        changed.row.id,
        seen.map(({ id }) => id),
        viewer,
      )
      const answer = {
        upstream: await describe(changed.row, named),
        check: changed.findings,
        mirrors: [...destinations.values()].flat().sort(),
        isOtherSource: changed.isOtherSource,
        changes: changed.changes,
      }
      return c.json(answer, 200)
    })
    .change(
      remove,
      (who: Authenticated, c: Query) => allowManage(who, c.req.valid('query').organization, 'remove'),
      audit('upstream.remove'),
      async (c, { organization: owner }) => {
        const { upstream: name } = c.req.valid('param')
        await db.write(async (tx) => removeUpstream(tx, await getOwn(tx, owner?.id ?? null, name)))
        return c.body(null, 204)
      },
    )
}

/** The user name of a shared upstream's credential, and what its operator trusts, is for those who share upstreams. */
function upstreamOf(row: UpstreamRecord, isSharer: boolean): Upstream {
  const isHidden = row.organization === null && !isSharer
  return {
    name: row.name,
    url: row.url,
    organization: row.organization,
    username: isHidden ? null : row.username,
    referrersFrom: row.referrers_from_name,
    plainHttp: row.plain_http === 1,
    ca: isHidden ? null : row.ca,
    prefix: row.prefix,
    maxRate: maxRateOf(row),
    isMaxRateSet: row.has_own_rate === 1,
    ceilings: ceilingsFor(row).map(({ counts, rate, source }) => ({ counts, rate, source })),
    createdAt: row.created_at,
  }
}
