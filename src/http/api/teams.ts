import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { teamAnswerSchema, teamChangeSchema, teamCreateSchema, teamListSchema } from '../../api/teams.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { teamState } from '../../db/people/access-audit-states.ts'
import { changeTeam, createTeam, listTeams, removeTeam, type TeamSummary } from '../../db/people/teams.ts'
import type { OrganizationRow, Role } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { allowInOrganization, callerOf, type Granted } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['teams']
export const teamPathSchema = z.strictObject({ organization: nameSchema, team: nameSchema })

const list = createRoute({
  method: 'get',
  path: '/organizations/{organization}/teams',
  tags,
  summary: 'List the teams of an organization; for plain members, those that they are in',
  request: { params: z.strictObject({ organization: nameSchema }), query: listQuerySchema },
  responses: ok('One page, by name', teamListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/organizations/{organization}/teams',
  tags,
  summary: 'Create a team (owners)',
  request: { params: z.strictObject({ organization: nameSchema }), body: body(teamCreateSchema) },
  responses: created('The team', teamAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path: '/organizations/{organization}/teams/{team}',
  tags,
  summary: 'Show a team',
  request: { params: teamPathSchema },
  responses: ok('The team', teamAnswerSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/organizations/{organization}/teams/{team}',
  tags,
  summary: 'Change what a team is for, or whether it manages mirrors (owners)',
  request: { params: teamPathSchema, body: body(teamChangeSchema) },
  responses: ok('The team', teamAnswerSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/organizations/{organization}/teams/{team}',
  tags,
  summary: 'Delete a team (owners): the next request is decided without it',
  request: { params: teamPathSchema },
  responses: done('Deleted'),
})

type InOrganization = { req: { valid(target: 'param'): { readonly organization: string } } }
type OnTeam = { req: { valid(target: 'param'): { readonly organization: string; readonly team: string } } }
type GrantedTeam = Granted<{ readonly organization: OrganizationRow; readonly team: TeamSummary }>

/** A plain member sees the teams that they are in: what others are granted names repositories. */
function seenBy(who: Authenticated, role: Role | undefined): string | undefined {
  return role === 'member' ? callerOf(who).userId : undefined
}

/** @throws AppError NOT_FOUND */
export async function getTeam(
  db: Database,
  organization: OrganizationRow,
  named: string,
  of?: string | undefined,
): Promise<TeamSummary> {
  const [team] = await listTeams(db.read, organization.id, { limit: 1, of, named })
  if (team === undefined)
    throw new AppError('NOT_FOUND', `there is no team ${named} in ${organization.name}`, {
      about: { reason: 'absent', what: 'team', name: named },
    })
  return team
}

/** The team of a path, when its organization lets the caller see it. @throws AppError UNAUTHORIZED, DENIED, NOT_FOUND */
export function decideOnTeams(db: Database) {
  return (action: 'team.read' | 'team.manage', what: string) =>
    async (who: Authenticated, c: OnTeam): Promise<GrantedTeam> => {
      const path = c.req.valid('param')
      const granted = await allowInOrganization(db, who, path.organization, action, what)
      return { ...granted, team: await getTeam(db, granted.organization, path.team, seenBy(who, granted.role)) }
    }
}

export function teamRoutes({ db }: { readonly db: Database }): Routes {
  const allow = decideOnTeams(db)
  const audit = (action: string) => ({
    action,
    on: (c: OnTeam) => {
      const { organization, team } = c.req.valid('param')
      return { organization, object: `team:${team}` }
    },
    read: (db: Queries, _: OnTeam, { organization, team }: GrantedTeam) => teamState(db, organization.id, team.name),
  })
  type Named = { req: { valid(target: 'json'): { readonly name: string } } }
  const auditCreate = {
    action: 'team.create',
    on: (c: InOrganization & Named) => {
      return { organization: c.req.valid('param').organization, object: `team:${c.req.valid('json').name}` }
    },
    read: (db: Queries, c: Named, { organization }: { readonly organization: OrganizationRow }) =>
      teamState(db, organization.id, c.req.valid('json').name),
  }
  return newRoutes()
    .serve(
      list,
      async (who: Authenticated, c: InOrganization) => {
        const { organization } = c.req.valid('param')
        const granted = await allowInOrganization(db, who, organization, 'team.read', 'see teams')
        return { ...granted, of: seenBy(who, granted.role) }
      },
      async (c, { organization, of }) => {
        const { limit, after } = c.req.valid('query')
        const rows = await listTeams(db.read, organization.id, { limit: limit + 1, after, of })
        const { items, next } = cutPage(rows, limit, (row) => row.name)
        return c.json({ teams: items.map(teamOf), next }, 200)
      },
    )
    .change(
      create,
      (who: Authenticated, c: InOrganization) =>
        allowInOrganization(db, who, c.req.valid('param').organization, 'team.manage', 'create teams'),
      auditCreate,
      async (c, { organization }) => {
        const { name, description, manageMirrors } = c.req.valid('json')
        const row = await db.write((tx) =>
          createTeam(tx, {
            organization_id: organization.id,
            name,
            description,
            manages_mirrors: manageMirrors ? 1 : 0,
            at: isoTime(systemClock.now()),
          }),
        )
        return c.json({ team: teamOf({ ...row, members: 0, grants: 0 }) }, 201)
      },
    )
    .serve(show, allow('team.read', 'see teams'), async (c, { team }) => c.json({ team: teamOf(team) }, 200))
    .change(change, allow('team.manage', 'change teams'), audit('team.change'), async (c, { organization, team }) => {
      const { description, manageMirrors } = c.req.valid('json')
      await db.write((tx) =>
        changeTeam(tx, team.id, {
          ...(description === undefined ? {} : { description }),
          ...(manageMirrors === undefined ? {} : { manages_mirrors: manageMirrors ? 1 : 0 }),
        }),
      )
      return c.json({ team: teamOf(await getTeam(db, organization, team.name)) }, 200)
    })
    .change(remove, allow('team.manage', 'delete teams'), audit('team.delete'), async (c, { team }) => {
      await db.write((tx) => removeTeam(tx, team.id))
      return c.body(null, 204)
    })
}

function teamOf({ name, description, manages_mirrors, members, grants, created_at: createdAt }: TeamSummary) {
  return { name, description, manageMirrors: manages_mirrors === 1, members, grants, createdAt }
}
