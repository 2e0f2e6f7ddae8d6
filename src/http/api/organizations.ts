import { createRoute } from '@hono/zod-openapi'
import type { OrganizationAction } from '../../access/authorize.ts'
import type { Authenticated } from '../../access/principal.ts'
import { decideOrganization } from '../../access/rights.ts'
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
import type { Database } from '../../db/engine.ts'
import { addMember } from '../../db/members.ts'
import {
  createOrganization,
  listOrganizations,
  listOrganizationsOf,
  setOrganizationQuota,
} from '../../db/organizations.ts'
import { summarizeOrganization } from '../../db/repository-summaries.ts'
import type { OrganizationRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { isOrganizationName } from '../../oci/account-names.ts'
import { allowInOrganization, allowOnInstance, userOf } from './decide.ts'
import { pageOf } from './page.ts'
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

/**
 * The organizations that a list is about: the one named, else all that the caller is a member of and may do `action` in.
 * @throws AppError UNAUTHORIZED, DENIED
 */
export async function organizationsOf(
  db: Database,
  who: Authenticated,
  named: string | undefined,
  action: OrganizationAction,
): Promise<OrganizationRow[]> {
  if (named !== undefined) return [(await allowInOrganization(db, who, named, action, 'look')).organization]
  const own = await listOrganizationsOf(db.read, userOf(who).userId, { limit: MAX_OWN })
  const allowed: OrganizationRow[] = []
  for (const organization of own) {
    const decision = await decideOrganization(db.read, who, organization.name, action)
    if (decision.allowed) allowed.push(organization)
  }
  if (own.length > 0 && allowed.length === 0) throw new AppError('DENIED', 'this token may not look at anything')
  return allowed
}

export function organizationRoutes({ db }: { readonly db: Database }): Routes {
  const describe = async (row: OrganizationRow, role: Role | null): Promise<Organization> => ({
    name: row.name,
    role,
    ...(await summarizeOrganization(db.read, row.id)),
    quotaBytes: row.quota_bytes,
    createdAt: row.created_at,
  })
  return newRoutes()
    .openapi(list, async (c) => {
      const { limit, after } = c.req.valid('query')
      const { userId, isOperator } = userOf(c.var.who)
      const page = { limit: limit + 1, after }
      const roleOf = new Map(
        (await listOrganizationsOf(db.read, userId, { limit: MAX_OWN })).map((o) => [o.id, o.role]),
      )
      const rows = isOperator
        ? await listOrganizations(db.read, page)
        : await listOrganizationsOf(db.read, userId, page)
      const { items, next } = pageOf(rows, limit, (row) => row.name)
      const organizations: Organization[] = []
      for (const row of items) organizations.push(await describe(row, roleOf.get(row.id) ?? null))
      return c.json({ organizations, next }, 200)
    })
    .openapi(create, async (c) => {
      const { name, quotaBytes } = c.req.valid('json')
      const userId = await allowOnInstance(db, c.var.who, 'organization.create', 'create organizations')
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
    .openapi(show, async (c) => {
      const { organization: name } = c.req.valid('param')
      const { organization, role } = await allowInOrganization(db, c.var.who, name, 'organization.read', 'look')
      return c.json({ organization: await describe(organization, role ?? null) }, 200)
    })
    .openapi(change, async (c) => {
      const { organization: name } = c.req.valid('param')
      const { quotaBytes } = c.req.valid('json')
      await allowOnInstance(db, c.var.who, 'organization.create', 'change quotas')
      const { organization, role } = await allowInOrganization(db, c.var.who, name, 'organization.read', 'look')
      await db.write((tx) => setOrganizationQuota(tx, organization.id, quotaBytes))
      return c.json({ organization: await describe({ ...organization, quota_bytes: quotaBytes }, role ?? null) }, 200)
    })
}
