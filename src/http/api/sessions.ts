import { createRoute } from '@hono/zod-openapi'
import type { Authenticator } from '../../access/authenticate.ts'
import { createSession } from '../../access/sessions.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import { sessionListSchema, sessionsEndedSchema, signedInSchema, signInSchema } from '../../api/sessions.ts'
import type { Database } from '../../db/engine/engine.ts'
import { endPasswordLogins, endSignIn, listSignIns } from '../../db/people/sessions.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { requestFrom } from '../client-address.ts'
import { allowOnInstance, allowSignIn, callerOf } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['sessions']

const signIn = createRoute({
  method: 'post',
  path: '/user/sessions',
  tags,
  summary: 'Sign in by password, and by a code where two-factor authentication is on',
  description:
    'Without the code that is wanted the answer is 401 with `detail.error` `two_factor_required`. A session lives 30 days after it was last seen.',
  security: [],
  request: { body: body(signInSchema) },
  responses: created('The session, its secret shown this once', signedInSchema),
})

const list = createRoute({
  method: 'get',
  path: '/user/sessions',
  tags,
  summary: 'List where you are signed in, by password or by a provider',
  request: { query: listQuerySchema },
  responses: ok('One page', sessionListSchema),
})

const end = createRoute({
  method: 'delete',
  path: '/user/sessions/{session}',
  tags,
  summary: 'End one of your sessions: the next request in it is refused',
  request: { params: z.strictObject({ session: idParameterSchema }) },
  responses: done('Ended'),
})

const endOthers = createRoute({
  method: 'delete',
  path: '/user/sessions',
  tags,
  summary: 'End all of your sessions but the one that asks',
  responses: ok('How many have ended', sessionsEndedSchema),
})

export interface SessionDeps {
  readonly db: Database
  readonly authenticator: Authenticator
  readonly clock: Clock
}

export function sessionRoutes({ db, authenticator, clock }: SessionDeps): Routes {
  return newRoutes()
    .serve(
      signIn,
      (_who, c) => allowSignIn(authenticator, c.req.valid('json'), requestFrom(c.req.raw, c.env)),
      async (c, { userId, username }) => {
        const session = await createSession(db, clock, { userId }, requestFrom(c.req.raw, c.env))
        const { id, createdAt, expiresAt, text } = session
        return c.json({ id, username, createdAt, expiresAt, token: text.reveal() }, 201)
      },
    )
    .serve(
      list,
      async (who) => ({
        ...(await allowOnInstance(db, who, 'account.read', 'list your sessions')),
        session: callerOf(who).session,
      }),
      async (c, { userId, session }) => {
        const { limit, after = '' } = c.req.valid('query')
        const all = await listSignIns(db.read, userId, isoTime(clock.now()))
        const rest = all.filter(({ id }) => id > after)
        const { items, next } = cutPage(rest, limit, ({ id }) => id)
        const sessions = items.map(({ seenAt: lastSeenAt, ...one }) => ({
          ...one,
          lastSeenAt,
          current: one.id === session?.id,
        }))
        return c.json({ sessions, next }, 200)
      },
    )
    .serve(
      end,
      (who) => allowOnInstance(db, who, 'profile.manage', 'end sessions'),
      async (c, { userId }) => {
        const { session } = c.req.valid('param')
        if (await db.write((tx) => endSignIn(tx, userId, session))) return c.body(null, 204)
        throw new AppError('NOT_FOUND', `you have no session ${session}`)
      },
    )
    .serve(
      endOthers,
      async (who) => ({
        ...(await allowOnInstance(db, who, 'profile.manage', 'end sessions')),
        session: callerOf(who).session,
      }),
      async (c, { userId, session }) => {
        const ended = await db.write((tx) => endPasswordLogins(tx, userId, session?.id))
        return c.json({ ended }, 200)
      },
    )
}
