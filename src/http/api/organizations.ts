import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { listQuerySchema } from '../../api/lists.ts'
import {
  type Organization,
  organizationAnswerSchema,
  organizationChangeSchema,
  organizationCreateSchema,
  organizationListSchema,
  type Role,
} from '../../api/organizations.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { summarizeOrganization } from '../../db/content/repository-summaries.ts'
import type { Database } from '../../db/engine/engine.ts'
import { endQuotaPauses } from '../../db/mirrors/life.ts'
import { addMember } from '../../db/people/members.ts'
import {
  createOrganization,
  listOrganizations,
  listOrganizationsOf,
  setOrganizationQuota,
} from '../../db/people/organizations.ts'
import { appendEvents } from '../../db/platform/events.ts'
import type { OrganizationRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import { isOrganizationName } from '../../oci/account-names.ts'
import { actorOf, allowInOrganization, allowOnInstance } from './decide.ts'
import { body, created, newRoutes, ok, type Routes } from './route.ts'

const tags = ['organizations']

const list = createRoute({
  method: 'get',
  path: '/organizations',
  tags,
  summary: 'List your organizations; all of them for operators',
  request: { query: listQuerySchema },
  responses: ok('One page, by name', organizationListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/organizations',
  tags,
  summary: 'Create an organization and become its owner (operators)',
  request: { body: body(organizationCreateSchema) },
  responses: created('The organization', organizationAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path: '/organizations/{organization}',
  tags,
  summary: 'Show an organization',
  request: { params: z.strictObject({ organization: nameSchema }) },
  responses: ok('The organization', organizationAnswerSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/organizations/{organization}',
  tags,
  summary: 'Change the quota of an organization (operators)',
  request: { params: z.strictObject({ organization: nameSchema }), body: body(organizationChangeSchema) },
  responses: ok('The organization', organizationAnswerSchema),
})

/** The most organizations of one user that a list without a filter looks at. */
const MAX_OWN = 10_000

export function organizationRoutes({
  db,
  mirrors: engine,
}: {
  readonly db: Database
  readonly mirrors: Pick<MirrorEngine, 'wake'>
}): Routes {
  const describe = async (row: OrganizationRow, role: Role | null): Promise<Organization> => ({
    name: row.name,
    role,
    ...(await summarizeOrganization(db.read, row.id)),
    quotaBytes: row.quota_bytes,
    createdAt: row.created_at,
  })
  type Named = { req: { valid(target: 'param'): { readonly organization: string } } }
  const allowOwn = (who: Authenticated) => allowOnInstance(db, who, 'account.read', 'list organizations')
  const allowCreate = (who: Authenticated) => allowOnInstance(db, who, 'organization.create', 'create organizations')
  const allowShow = (who: Authenticated, c: Named) =>
    allowInOrganization(db, who, c.req.valid('param').organization, 'organization.read', 'look')
  const allowChange = async (who: Authenticated, c: Named) => {
    await allowOnInstance(db, who, 'organization.create', 'change quotas')
    return allowShow(who, c)
  }
  return newRoutes()
    .serve(list, allowOwn, async (c, { userId, isOperator }) => {
      const { limit, after } = c.req.valid('query')
      const page = { limit: limit + 1, after }
      const roleOf = new Map(
        (await listOrganizationsOf(db.read, userId, { limit: MAX_OWN })).map((o) => [o.id, o.role]),
      )
      const rows = isOperator
        ? await listOrganizations(db.read, page)
        : await listOrganizationsOf(db.read, userId, page)
      const { items, next } = cutPage(rows, limit, (row) => row.name)
      const organizations: Organization[] = []
      for (const row of items) organizations.push(await describe(row, roleOf.get(row.id) ?? null))
      return c.json({ organizations, next }, 200)
    })
    .serve(create, allowCreate, async (c, { userId }) => {
      const { name, quotaBytes } = c.req.valid('json')
      if (!isOrganizationName(name)) {
        throw new AppError(
          'INVALID_REQUEST',
          `name: got ${JSON.stringify(name)}, want one component of a repository name`,
        )
      }
      const at = isoTime(systemClock.now())
      const row = await db.write(async (tx) => {
        const { row, isNew } = await createOrganization(tx, { name, at })
        if (!isNew) throw new AppError('CONFLICT', `there is an organization ${name} already`)
        if (quotaBytes !== null) await setOrganizationQuota(tx, row.id, quotaBytes)
        await addMember(tx, { organizationId: row.id, userId, role: 'owner', at })
        return { ...row, quota_bytes: quotaBytes }
      })
      return c.json({ organization: await describe(row, 'owner') }, 201)
    })
    .serve(show, allowShow, async (c, { organization, role }) =>
      c.json({ organization: await describe(organization, role ?? null) }, 200),
    )
    .serve(change, allowChange, async (c, { organization, role }) => {
      const { quotaBytes } = c.req.valid('json')
      // Mirrors that were paused for want of room are tried at once.
      await db.write(async (tx) => {
        await setOrganizationQuota(tx, organization.id, quotaBytes)
        const by = { actor: actorOf(c.var.who), at: isoTime(systemClock.now()) }
        const before = organization.quota_bytes ?? Number.POSITIVE_INFINITY
        const isRaised = (quotaBytes ?? Number.POSITIVE_INFINITY) > Number(before)
        if (isRaised) await appendEvents(tx, await endQuotaPauses(tx, organization.id, by))
      })
      engine.wake()
      return c.json({ organization: await describe({ ...organization, quota_bytes: quotaBytes }, role ?? null) }, 200)
    })
}
