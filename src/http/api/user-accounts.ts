/** The accounts of an instance, for its operators. */
import { createRoute } from '@hono/zod-openapi'
import { listQuerySchema } from '../../api/lists.ts'
import { nameSchema, z } from '../../api/schema.ts'
import {
  type UserAccount,
  userAccountAnswerSchema,
  userAccountListSchema,
  userStandingSchema,
} from '../../api/users.ts'
import type { Database } from '../../db/engine/engine.ts'
import {
  type UserAccount as Account,
  changeStanding,
  getUserAccount,
  listUserAccounts,
  standingState,
} from '../../db/people/user-accounts.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { allowOnInstance, callerOf } from './decide.ts'
import { body, newRoutes, ok, type Routes } from './route.ts'

const tags = ['users']

const list = createRoute({
  method: 'get',
  path: '/users',
  tags,
  summary: 'List all users (operators)',
  request: { query: listQuerySchema },
  responses: ok('One page, by user name', userAccountListSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/users/{user}',
  tags,
  summary: 'Disable a user or let them in again, make them an operator or no more (operators)',
  description:
    'Not yourself: another operator does that, so that one is always left. Who is disabled is signed out, and no password, token or provider lets them in.',
  request: { params: z.strictObject({ user: nameSchema }), body: body(userStandingSchema) },
  responses: ok('The user', userAccountAnswerSchema),
})

export function userAccountRoutes({ db, clock }: { readonly db: Database; readonly clock: Clock }): Routes {
  return newRoutes()
    .serve(
      list,
      (who) => allowOnInstance(db, who, 'instance.read', 'list users'),
      async (c) => {
        const { limit, after } = c.req.valid('query')
        const rows = await listUserAccounts(db.read, { limit: limit + 1, after })
        const { items, next } = cutPage(rows, limit, (row) => row.username)
        return c.json({ users: items.map(accountOf), next }, 200)
      },
    )
    .change(
      change,
      async (who) => ({
        ...(await allowOnInstance(db, who, 'user.manage', 'disable users, or make operators')),
        caller: callerOf(who),
      }),
      {
        action: 'user.change',
        on: (c) => ({ organization: null, object: `user:${c.req.valid('param').user}` }),
        read: (queries, c) => standingState(queries, c.req.valid('param').user),
      },
      async (c, { caller }) => {
        const { user } = c.req.valid('param')
        if (user === caller.username) {
          throw new AppError(
            'CONFLICT',
            'this is your own account: another operator disables it, or takes the operator away',
            { about: { reason: 'own', what: 'account' } },
          )
        }
        const at = isoTime(clock.now())
        await db.write((tx) => changeStanding(tx, user, { ...c.req.valid('json'), at }))
        return c.json({ user: accountOf(await getUserAccount(db.read, user)) }, 200)
      },
    )
}

function accountOf({ isOperator: operator, hasTwoFactor: twoFactor, ...rest }: Account): UserAccount {
  return { ...rest, operator, twoFactor }
}
