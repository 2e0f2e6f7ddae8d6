import { createRoute } from '@hono/zod-openapi'
import { listQuerySchema } from '../../api/lists.ts'
import { memberAnswerSchema, memberListSchema, memberPutSchema } from '../../api/members.ts'
import { nameSchema, z } from '../../api/schema.ts'
import type { Database } from '../../db/engine.ts'
import { addMember, findMember, listMembers, removeMember } from '../../db/members.ts'
import { findUserByName, type User } from '../../db/users.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { allowInOrganization } from './decide.ts'
import { pageOf } from './page.ts'
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

export function memberRoutes({ db }: { readonly db: Database }): Routes {
  const getUser = async (username: string): Promise<User> => {
    const user = await findUserByName(db.read, username)
    if (user !== undefined) return user
    throw new AppError('NOT_FOUND', `there is no user ${username}`)
  }
  return newRoutes()
    .openapi(list, async (c) => {
      const { limit, after } = c.req.valid('query')
      const { organization: name } = c.req.valid('param')
      const { organization } = await allowInOrganization(db, c.var.who, name, 'member.read', 'list members')
      const rows = await listMembers(db.read, organization.id, { limit: limit + 1, after })
      const { items, next } = pageOf(rows, limit, (row) => row.username)
      const members = items.map(({ username, role, createdAt }) => ({ username, role, createdAt }))
      return c.json({ members, next }, 200)
    })
    .openapi(put, async (c) => {
      const { organization: name, user: username } = c.req.valid('param')
      const { role } = c.req.valid('json')
      const { organization } = await allowInOrganization(db, c.var.who, name, 'member.manage', 'change members')
      const user = await getUser(username)
      const at = isoTime(systemClock.now())
      const createdAt = await db.write(async (tx) => {
        await addMember(tx, { organizationId: organization.id, userId: user.id, role, at })
        return (await findMember(tx, organization.id, user.id))?.createdAt ?? at
      })
      return c.json({ member: { username: user.username, role, createdAt } }, 200)
    })
    .openapi(remove, async (c) => {
      const { organization: name, user: username } = c.req.valid('param')
      const { organization } = await allowInOrganization(db, c.var.who, name, 'member.manage', 'remove members')
      const user = await getUser(username)
      if (!(await db.write((tx) => removeMember(tx, organization.id, user.id)))) {
        throw new AppError('NOT_FOUND', `${username} is not a member of ${name}`)
      }
      return c.body(null, 204)
    })
}
