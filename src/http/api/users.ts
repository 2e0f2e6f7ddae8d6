import { createRoute } from '@hono/zod-openapi'
import type { Accounts } from '../../access/accounts.ts'
import { makePassword } from '../../access/passwords.ts'
import { userAnswerSchema, userCreatedSchema, userCreateSchema } from '../../api/users.ts'
import type { Database } from '../../db/engine/engine.ts'
import { createSecret } from '../../lib/secret.ts'
import { allowOnInstance } from './decide.ts'
import { body, created, newRoutes, ok, type Routes } from './route.ts'

const tags = ['users']

const show = createRoute({
  method: 'get',
  path: '/user',
  tags,
  summary: 'Who you are signed in as',
  responses: ok('You', userAnswerSchema),
})

const create = createRoute({
  method: 'post',
  path: '/users',
  tags,
  summary: 'Create a user (operators)',
  request: { body: body(userCreateSchema) },
  responses: created('The user, and the password when it was made here: shown this once', userCreatedSchema),
})

export function userRoutes({ db, accounts }: { readonly db: Database; readonly accounts: Accounts }): Routes {
  return newRoutes()
    .serve(
      show,
      (who) => allowOnInstance(db, who, 'account.read', 'see who you are'),
      async (c, granted) => {
        const { userId: id, username, isOperator: operator } = granted
        return c.json({ user: { id, username, operator } }, 200)
      },
    )
    .serve(
      create,
      (who) => allowOnInstance(db, who, 'user.create', 'create users'),
      async (c) => {
        const { username, password: given } = c.req.valid('json')
        const password = given === undefined ? makePassword() : createSecret(given)
        const { id, isOperator: operator } = await accounts.createUser({ username, password })
        return c.json(
          { user: { id, username, operator }, password: given === undefined ? password.reveal() : null },
          201,
        )
      },
    )
}
