import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { decideRepository } from '../../access/rights.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { nameSchema, z } from '../../api/schema.ts'
import {
  accessPatternSchema,
  teamGrantAnswerSchema,
  teamGrantListSchema,
  teamGrantPutSchema,
  teamMemberListSchema,
} from '../../api/teams.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { teamGrantState, teamMemberState } from '../../db/people/access-audit-states.ts'
import { findMemberByName } from '../../db/people/members.ts'
import { grantToTeam, listGrants, revokeFromTeam } from '../../db/people/team-grants.ts'
import { addTeamMember, listTeamMembers, removeTeamMember } from '../../db/people/teams.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { findAccessPatternFault, fullPattern, isPattern } from '../../oci/access-patterns.ts'
import { parseRepositoryName } from '../../oci/reference.ts'
import { allowInOrganization, allowOnRepository } from './decide.ts'
import { body, done, newRoutes, ok, type Routes } from './route.ts'
import { decideOnTeams, getTeam, teamPathSchema } from './teams.ts'

const tags = ['teams']
const path = '/organizations/{organization}/teams/{team}'
const memberPathSchema = teamPathSchema.extend({ user: nameSchema })

const members = createRoute({
  method: 'get',
  path: `${path}/members`,
  tags,
  summary: 'List who is in a team',
  request: { params: teamPathSchema, query: listQuerySchema },
  responses: ok('One page, by user name', teamMemberListSchema),
})

const addMember = createRoute({
  method: 'put',
  path: `${path}/members/{user}`,
  tags,
  summary: 'Put a member of the organization into a team (owners)',
  request: { params: memberPathSchema },
  responses: done('The member is in the team'),
})

const removeMember = createRoute({
  method: 'delete',
  path: `${path}/members/{user}`,
  tags,
  summary: 'Take somebody out of a team (owners): the next request is decided without it',
  request: { params: memberPathSchema },
  responses: done('Removed'),
})

const grants = createRoute({
  method: 'get',
  path: `${path}/grants`,
  tags,
  summary: 'List what a team is granted',
  request: { params: teamPathSchema, query: listQuerySchema },
  responses: ok('One page, by name or pattern', teamGrantListSchema),
})

const grant = createRoute({
  method: 'put',
  path: `${path}/grants`,
  tags,
  summary: 'Grant a team a permission on a repository, or on a pattern (owners; on one repository, its admins)',
  description:
    'A pattern is over names of the organization: `*` stands for any characters, `/` too. It holds for repositories that come later.',
  request: { params: teamPathSchema, body: body(teamGrantPutSchema) },
  responses: ok('What is granted', teamGrantAnswerSchema),
})

const revoke = createRoute({
  method: 'delete',
  path: `${path}/grants`,
  tags,
  summary: 'Take a grant back (owners; of one repository, its admins): the next request is decided without it',
  request: { params: teamPathSchema, query: z.strictObject({ repository: accessPatternSchema }) },
  responses: done('Revoked'),
})

type OnTeam = { req: { valid(target: 'param'): { readonly organization: string; readonly team: string } } }

export function teamGrantRoutes({ db }: { readonly db: Database }): Routes {
  const allow = decideOnTeams(db)
  /** Of a repository that is there its admins decide who else works on it; names to come and patterns are the owners' affair. */
  const allowGrant = async (who: Authenticated, c: OnTeam, text: string) => {
    const { organization, team } = c.req.valid('param')
    const repository = fullPattern(organization, text)
    const fault = findAccessPatternFault(organization, text)
    const name = fault === undefined && !isPattern(repository) ? parseRepositoryName(repository) : undefined
    const own = name === undefined ? undefined : await decideRepository(db.read, who, name, 'grant')
    const isPresent = name !== undefined && own?.allowed === true && own.repository !== undefined
    const granted = isPresent
      ? await allowOnRepository(db, who, name, 'grant', 'grant teams anything on')
      : await allowInOrganization(db, who, organization, 'team.manage', 'grant teams anything')
    if (fault !== undefined)
      throw new AppError('INVALID_REQUEST', `repository: ${fault}`, {
        about: { reason: 'invalid', where: 'repository' },
      })
    return { ...granted, team: await getTeam(db, granted.organization, team), repository, isPresent }
  }
  type OnMember = {
    req: { valid(target: 'param'): { readonly organization: string; readonly team: string; readonly user: string } }
  }
  const auditMember = (action: string) => ({
    action,
    on: (c: OnMember) => {
      const { organization, team, user } = c.req.valid('param')
      return { organization, object: `team:${team}/user:${user.toLowerCase()}` }
    },
    read: (db: Queries, c: OnMember, { team }: { readonly team: { readonly id: string } }) =>
      teamMemberState(db, team.id, c.req.valid('param').user),
  })
  /** What is granted on stands in the log as the object, so that all about a repository is found by its name. */
  const grantOf = (c: OnTeam, text: string) => {
    const { organization } = c.req.valid('param')
    return { organization, object: fullPattern(organization, text) }
  }
  return newRoutes()
    .serve(members, allow('team.read', 'see teams'), async (c, { team }) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listTeamMembers(db.read, team.id, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, (row) => row.username)
      return c.json({ members: [...items], next }, 200)
    })
    .change(
      addMember,
      allow('team.manage', 'change teams'),
      auditMember('team.member.add'),
      async (c, { organization, team }) => {
        const { user } = c.req.valid('param')
        const at = isoTime(systemClock.now())
        // Looked for among the members alone: who else has an account is nobody's business here.
        const isAdded = await db.write(async (tx) => {
          const member = await findMemberByName(tx, organization.id, user)
          if (member === undefined) return false
          return addTeamMember(tx, { organizationId: organization.id, teamId: team.id, userId: member.userId, at })
        })
        if (!isAdded) {
          throw new AppError('NOT_FOUND', `${user} is not a member of ${organization.name}: make them one first`, {
            about: { reason: 'absent', what: 'member', name: user },
          })
        }
        return c.body(null, 204)
      },
    )
    .change(
      removeMember,
      allow('team.manage', 'change teams'),
      auditMember('team.member.remove'),
      async (c, { organization, team }) => {
        const { user } = c.req.valid('param')
        const isRemoved = await db.write(async (tx) => {
          const member = await findMemberByName(tx, organization.id, user)
          return member !== undefined && (await removeTeamMember(tx, team.id, member.userId))
        })
        if (!isRemoved)
          throw new AppError('NOT_FOUND', `${user} is not in the team ${team.name}`, {
            about: { reason: 'absent', what: 'member', name: user },
          })
        return c.body(null, 204)
      },
    )
    .serve(grants, allow('team.read', 'see teams'), async (c, { team }) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listGrants(db.read, team.id, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, (row) => row.repository)
      const shown = items.map(({ repository, permission, created_at: createdAt }) => ({
        repository,
        permission,
        createdAt,
      }))
      return c.json({ grants: shown, next }, 200)
    })
    .change(
      grant,
      (who, c) => allowGrant(who, c, c.req.valid('json').repository),
      {
        action: 'team.grant',
        on: (c) => grantOf(c, c.req.valid('json').repository),
        read: (db, _, { team, repository }) => teamGrantState(db, team, repository),
      },
      async (c, { organization, team, repository, isPresent }) => {
        const { permission } = c.req.valid('json')
        const at = isoTime(systemClock.now())
        const on = { organizationId: organization.id, teamId: team.id, repository, permission, at, isPresent }
        await db.write((tx) => grantToTeam(tx, on))
        return c.json({ grant: { repository, permission } }, 200)
      },
    )
    .change(
      revoke,
      (who, c) => allowGrant(who, c, c.req.valid('query').repository),
      {
        action: 'team.revoke',
        on: (c) => grantOf(c, c.req.valid('query').repository),
        read: (db, _, { team, repository }) => teamGrantState(db, team, repository),
      },
      async (c, { team, repository }) => {
        if (!(await db.write((tx) => revokeFromTeam(tx, team.id, repository)))) {
          throw new AppError('NOT_FOUND', `the team ${team.name} is granted nothing on ${repository} by that name`, {
            about: { reason: 'absent', what: 'grant', name: repository },
          })
        }
        return c.body(null, 204)
      },
    )
}
