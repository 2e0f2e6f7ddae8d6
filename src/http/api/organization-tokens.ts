import { createRoute } from '@hono/zod-openapi'
import { issueOrganizationToken } from '../../access/organization-tokens.ts'
import type { Authenticated } from '../../access/principal.ts'
import { parseTokenExpiry } from '../../access/tokens.ts'
import { listQuerySchema } from '../../api/lists.ts'
import {
  organizationTokenAnswerSchema,
  organizationTokenChangeSchema,
  organizationTokenCreatedSchema,
  organizationTokenCreateSchema,
  organizationTokenListSchema,
} from '../../api/organization-tokens.ts'
import { idParameterSchema, nameSchema, z } from '../../api/schema.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { organizationTokenState } from '../../db/people/access-audit-states.ts'
import {
  listOrganizationTokens,
  removeOrganizationToken,
  setOrganizationTokenActive,
  tokenLists,
} from '../../db/people/organization-tokens.ts'
import type { OrganizationRow, OrganizationTokenRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { actorOf, allowInOrganization } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['tokens']
const path = '/organizations/{organization}/tokens'
const params = z.strictObject({ organization: nameSchema })
const tokenPathSchema = params.extend({ token: idParameterSchema })

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'List the tokens of an organization (owners)',
  request: { params, query: listQuerySchema },
  responses: ok('One page', organizationTokenListSchema),
})

const create = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Create a token that belongs to the organization (owners)',
  description:
    'For machines: it stands for nobody, and stays when people leave. User name with it is the name of the organization.',
  request: { params, body: body(organizationTokenCreateSchema) },
  responses: created('The token, shown this once', organizationTokenCreatedSchema),
})

const change = createRoute({
  method: 'patch',
  path: `${path}/{token}`,
  tags,
  summary: 'Deactivate or activate a token of an organization, by id (owners): the next request is decided by it',
  request: { params: tokenPathSchema, body: body(organizationTokenChangeSchema) },
  responses: ok('The token', organizationTokenAnswerSchema),
})

const revoke = createRoute({
  method: 'delete',
  path: `${path}/{token}`,
  tags,
  summary: 'Revoke a token of an organization, by id (owners): the next request with it is refused',
  request: { params: tokenPathSchema },
  responses: done('Revoked'),
})

export function organizationTokenRoutes({ db }: { readonly db: Database }): Routes {
  const allow =
    (what: string) => (who: Authenticated, c: { req: { valid(target: 'param'): { readonly organization: string } } }) =>
      allowInOrganization(db, who, c.req.valid('param').organization, 'organization-token.manage', `${what} tokens`)
  const absent = (id: string, { name }: OrganizationRow) =>
    new AppError('NOT_FOUND', `there is no token ${id} of ${name}`, { about: { reason: 'absent', what: 'token' } })
  type Path = { readonly organization: string; readonly token: string }
  const audit = (verb: string) => ({
    action: `organization-token.${verb}`,
    on: (c: { req: { valid(target: 'param'): Path } }) => {
      const { organization, token } = c.req.valid('param')
      return { organization, object: `token:${token}` }
    },
    read: (
      db: Queries,
      c: { req: { valid(target: 'param'): Path } },
      { organization }: { readonly organization: OrganizationRow },
    ) => organizationTokenState(db, organization.id, c.req.valid('param').token),
  })
  // Its id is made on the way.
  const auditCreate = {
    action: 'organization-token.create',
    on: (c: { req: { valid(target: 'param'): { readonly organization: string } } }) => {
      return { organization: c.req.valid('param').organization, object: 'token' }
    },
    read: undefined,
  }
  return newRoutes()
    .serve(list, allow('list'), async (c, { organization }) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listOrganizationTokens(db.read, organization.id, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, (row) => row.id)
      return c.json({ tokens: items.map((row) => tokenOf(row, organization)), next }, 200)
    })
    .change(create, allow('create'), auditCreate, async (c, { organization }) => {
      const { label, allow: rights, repositories, expires } = c.req.valid('json')
      const { row, text } = await db.write((tx) =>
        issueOrganizationToken(tx, {
          organizationId: organization.id,
          label,
          allow: rights,
          repositories,
          expiresAt: parseTokenExpiry(expires, systemClock.now()),
          createdBy: actorOf(c.var.who),
        }),
      )
      const { id, allow: allowed, repositories: named, expiresAt, username } = tokenOf(row, organization)
      const made = { id, label, allow: allowed, repositories: named, expiresAt, username, token: text.reveal() }
      return c.json(made, 201)
    })
    .change(change, allow('change'), audit('change'), async (c, { organization }) => {
      const { token } = c.req.valid('param')
      const { active } = c.req.valid('json')
      const row = await db.write((tx) => setOrganizationTokenActive(tx, organization.id, token, active))
      if (row === undefined) throw absent(token, organization)
      return c.json({ token: tokenOf(row, organization) }, 200)
    })
    .change(revoke, allow('revoke'), audit('revoke'), async (c, { organization }) => {
      const { token } = c.req.valid('param')
      if (!(await db.write((tx) => removeOrganizationToken(tx, organization.id, token)))) {
        throw absent(token, organization)
      }
      return c.body(null, 204)
    })
}

function tokenOf(row: OrganizationTokenRow, { name: username }: OrganizationRow) {
  return {
    id: row.id,
    label: row.label,
    ...tokenLists(row),
    expiresAt: row.expires_at,
    username,
    active: row.is_active === 1,
    createdAt: row.created_at,
    createdBy: row.created_by,
    lastUsedAt: row.last_used_at,
  }
}
