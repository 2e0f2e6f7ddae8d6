import { createRoute } from '@hono/zod-openapi'
import type { OrganizationAction } from '../../access/authorize.ts'
import type { Authenticated } from '../../access/principal.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { MAX_TEAMS_SHOWN, memberAnswerSchema, memberListSchema, memberPutSchema } from '../../api/members.ts'
import { nameSchema, z } from '../../api/schema.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { memberState } from '../../db/mirrors/audit-states.ts'
import { readLastSeen } from '../../db/people/last-seen.ts'
import { addMember, findMember, findMemberByName, listMembers, removeMember } from '../../db/people/members.ts'
import { listTeamsOf } from '../../db/people/team-members.ts'
import { findUserSeenBy } from '../../db/people/users.ts'
import type { OrganizationRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { actorOf, allowInOrganization, callerOf } from './decide.ts'
import { body, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['members']
const memberPathSchema = z.strictObject({ organization: nameSchema, user: nameSchema })

const list = createRoute({
  method: 'get',
  path: '/organizations/{organization}/members',
  tags,
  summary: 'List the members of an organization',
  request: { params: z.strictObject({ organization: nameSchema }), query: listQuerySchema },
  responses: ok('One page, by user name', memberListSchema),
})

const put = createRoute({
  method: 'put',
  path: '/organizations/{organization}/members/{user}',
  tags,
  summary: 'Make a user a member, or give a member another role (owners)',
  description:
    'Somebody of one of your own organizations by user name; anybody else by the id that `GET /user` tells them. Operators name any user.',
  request: { params: memberPathSchema, body: body(memberPutSchema) },
  responses: ok('The member', memberAnswerSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/organizations/{organization}/members/{user}',
  tags,
  summary: 'Take a membership away (owners): the next request is decided without it',
  request: { params: memberPathSchema },
  responses: done('Removed'),
})

const leave = createRoute({
  method: 'post',
  path: '/organizations/{organization}/leave',
  tags,
  summary: 'Leave an organization: your next request is decided without it',
  description: 'The last owner cannot. Personal access tokens go on to serve in your other organizations.',
  request: { params: z.strictObject({ organization: nameSchema }) },
  responses: done('Left'),
})

export function memberRoutes({ db }: { readonly db: Database }): Routes {
  const allow =
    (action: OrganizationAction, what: string) =>
    async (who: Authenticated, c: { req: { valid(target: 'param'): { organization: string } } }) => {
      const granted = await allowInOrganization(db, who, c.req.valid('param').organization, action, what)
      return { ...granted, caller: callerOf(who) }
    }
  /** What a plain member sees of teams is what they are in; when people were last here is for those who answer for them. */
  const allowList = async (who: Authenticated, c: Parameters<ReturnType<typeof allow>>[1]) => {
    const granted = await allow('member.read', 'list members')(who, c)
    const { role, caller } = granted
    return {
      ...granted,
      teamsOf: role === 'owner' || role === 'editor' ? undefined : caller.userId,
      seesActivity: role !== 'editor' && role !== 'member',
    }
  }
  type Named = { req: { valid(target: 'param'): { readonly organization: string; readonly user: string } } }
  const audit = (action: string) => ({
    action,
    on: (c: Named) => {
      const { organization, user } = c.req.valid('param')
      return { organization, object: `user:${user}` }
    },
    read: (db: Queries, c: Named, { organization }: { readonly organization: OrganizationRow }) =>
      memberState(db, organization.id, c.req.valid('param').user),
  })
  const auditLeave = {
    action: 'member.leave',
    on: (c: { var: { who: Authenticated }; req: { valid(target: 'param'): { readonly organization: string } } }) => ({
      organization: c.req.valid('param').organization,
      object: actorOf(c.var.who),
    }),
    read: (
      queries: Queries,
      _c: unknown,
      o: { readonly organization: OrganizationRow; readonly caller: { readonly userId: string } },
    ) => memberState(queries, o.organization.id, o.caller.userId),
  }
  return newRoutes()
    .serve(list, allowList, async (c, { organization, teamsOf, seesActivity }) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listMembers(db.read, organization.id, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, (row) => row.username)
      const ids = items.map(({ userId }) => userId)
      const teams = await listTeamsOf(db.read, organization.id, ids, { most: MAX_TEAMS_SHOWN, seenBy: teamsOf })
      const seen = seesActivity ? await readLastSeen(db.read, ids) : new Map<string, string>()
      const members = items.map(({ userId, ...member }) => ({
        ...member,
        teams: teams.get(userId) ?? [],
        lastSeenAt: seen.get(userId) ?? null,
      }))
      return c.json({ members, next }, 200)
    })
    .change(put, allow('member.manage', 'change members'), audit('member.put'), async (c, { organization, caller }) => {
      const { user: named } = c.req.valid('param')
      const { role } = c.req.valid('json')
      const user = await findUserSeenBy(db.read, caller, named)
      if (user === undefined)
        throw new AppError('NOT_FOUND', unknownUser(named, organization.name), {
          about: { reason: 'absent', what: 'user', name: named },
        })
      const at = isoTime(systemClock.now())
      const createdAt = await db.write(async (tx) => {
        await addMember(tx, { organizationId: organization.id, userId: user.id, role, at })
        return (await findMember(tx, organization.id, user.id))?.createdAt ?? at
      })
      return c.json({ member: { username: user.username, role, createdAt } }, 200)
    })
    .change(remove, allow('member.manage', 'remove members'), audit('member.remove'), async (c, { organization }) => {
      const { user: username } = c.req.valid('param')
      // Looked for among the members alone: who else has an account is nobody's business here.
      const isRemoved = await db.write(async (tx) => {
        const member = await findMemberByName(tx, organization.id, username)
        return member !== undefined && (await removeMember(tx, organization.id, member.userId))
      })
      if (!isRemoved)
        throw new AppError('NOT_FOUND', `${username} is not a member of ${organization.name}`, {
          about: { reason: 'absent', what: 'member', name: username },
        })
      return c.body(null, 204)
    })
    .change(leave, allow('organization.leave', 'leave'), auditLeave, async (c, { organization, caller }) => {
      await db.write((tx) => removeMember(tx, organization.id, caller.userId))
      return c.body(null, 204)
    })
}

/** The same words whether the account exists or not: an owner learns of no account outside of their organizations. */
function unknownUser(named: string, organization: string): string {
  return `you know no user ${named}: name somebody of your organizations, or add others to ${organization} by the id that GET /api/v1/user tells them`
}
