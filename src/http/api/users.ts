import { createRoute } from '@hono/zod-openapi'
import { type Accounts, orTaken, taken } from '../../access/accounts.ts'
import { networkOf } from '../../access/login-limit.ts'
import { makePassword } from '../../access/passwords.ts'
import type { Authenticator } from '../../access/prompts.ts'
import { nameSchema, z } from '../../api/schema.ts'
import {
  passwordChangeSchema,
  passwordResetSchema,
  profileAnswerSchema,
  profileChangeSchema,
  userCreatedSchema,
  userCreateSchema,
} from '../../api/users.ts'
import type { Database } from '../../db/engine/engine.ts'
import { changeProfile, findProfile, isTaken } from '../../db/people/accounts.ts'
import { profileState } from '../../db/people/audit-states.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { createSecret } from '../../lib/secret.ts'
import { requestFrom } from '../client-address.ts'
import { actorOf, allowOnInstance, callerOf } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['users']

const show = createRoute({
  method: 'get',
  path: '/user',
  tags,
  summary: 'Who you are signed in as',
  responses: ok('You', profileAnswerSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/user',
  tags,
  summary: 'Change your display name or mail address',
  request: { body: body(profileChangeSchema) },
  responses: ok('You', profileAnswerSchema),
})

const changePassword = createRoute({
  method: 'put',
  path: '/user/password',
  tags,
  summary: 'Change your password',
  description:
    'Needs the current one, and counts wrong ones as logins. Ends your other sessions, and what clients of the registry got by the password; tokens stay.',
  request: { body: body(passwordChangeSchema) },
  responses: done('Changed'),
})

const create = createRoute({
  method: 'post',
  path: '/users',
  tags,
  summary: 'Create a user (operators)',
  request: { body: body(userCreateSchema) },
  responses: created('The user, and the password when it was made here: shown this once', userCreatedSchema),
})

const resetPassword = createRoute({
  method: 'put',
  path: '/users/{user}/password',
  tags,
  summary: 'Set the password of another user (operators): ends their sessions; tokens stay',
  request: { params: z.strictObject({ user: nameSchema }), body: body(passwordResetSchema) },
  responses: ok('The user, and the password when it was made here: shown this once', userCreatedSchema),
})

export interface UserDeps {
  readonly db: Database
  readonly accounts: Accounts
  readonly authenticator: Authenticator
  readonly clock: Clock
}

export function userRoutes({ db, accounts, authenticator, clock }: UserDeps): Routes {
  async function profileOf(userId: string) {
    const profile = await findProfile(db.read, userId)
    if (profile === undefined)
      throw new AppError('NOT_FOUND', 'your account is gone', { about: { reason: 'absent', what: 'account' } })
    const { isOperator: operator, hasTwoFactor: twoFactor, ...rest } = profile
    return { user: { ...rest, operator, twoFactor } }
  }
  return newRoutes()
    .serve(
      show,
      (who) => allowOnInstance(db, who, 'account.read', 'see who you are'),
      async (c, { userId }) => c.json(await profileOf(userId), 200),
    )
    .change(
      change,
      (who) => allowOnInstance(db, who, 'profile.manage', 'change your profile'),
      {
        action: 'user.change',
        on: (c) => ({ organization: null, object: actorOf(c.var.who) }),
        read: (queries, _c, { userId }) => profileState(queries, userId),
      },
      async (c, { userId, username }) => {
        const { displayName, email } = c.req.valid('json')
        const changes = { displayName, email, at: isoTime(clock.now()) }
        await orTaken(username, () =>
          db.write(async (tx) => {
            const address = email ?? undefined
            if (address !== undefined && (await isTaken(tx, { email: address, besides: userId }))) throw taken(username)
            await changeProfile(tx, { id: userId, username }, changes)
          }),
        )
        return c.json(await profileOf(userId), 200)
      },
    )
    .change(
      changePassword,
      async (who) => ({
        ...(await allowOnInstance(db, who, 'profile.manage', 'change your password')),
        session: callerOf(who).session,
      }),
      {
        action: 'user.password',
        on: (c) => ({ organization: null, object: actorOf(c.var.who) }),
        read: undefined,
      },
      async (c, { userId, username, session }) => {
        const { current, password } = c.req.valid('json')
        const from = requestFrom(c.req.raw, c.env)
        await authenticator.confirmPassword({ userId, username }, current, from)
        const isChanged = await accounts.changePassword(username, {
          current: createSecret(current),
          password: createSecret(password),
          besides: session?.id,
          client: networkOf(from.address),
        })
        if (!isChanged)
          throw new AppError('CONFLICT', 'the password was changed by somebody else at the same time', {
            about: { reason: 'changed-meanwhile', what: 'password' },
          })
        return c.body(null, 204)
      },
    )
    .change(
      create,
      (who) => allowOnInstance(db, who, 'user.create', 'create users'),
      {
        action: 'user.create',
        on: (c) => ({ organization: null, object: `user:${c.req.valid('json').username}` }),
        // `createUser` records it, wherever it is called.
        read: undefined,
      },
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
    .change(
      resetPassword,
      (who) => allowOnInstance(db, who, 'user.manage', 'set passwords of others'),
      {
        action: 'user.password',
        on: (c) => ({ organization: null, object: `user:${c.req.valid('param').user}` }),
        read: undefined,
      },
      async (c) => {
        const { password: given, endTwoFactor } = c.req.valid('json')
        const password = given === undefined ? makePassword() : createSecret(given)
        const user = await accounts.resetPassword(c.req.valid('param').user, password, { endTwoFactor })
        const { id, username, isOperator: operator } = user
        const made = given === undefined ? password.reveal() : null
        return c.json({ user: { id, username, operator }, password: made }, 200)
      },
    )
}
