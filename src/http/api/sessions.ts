import { createRoute } from '@hono/zod-openapi'
import type { Authenticator } from '../../access/prompts.ts'
import { createSession } from '../../access/sessions.ts'
import { enterBySignInLink } from '../../access/sign-in-links.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import {
  browserSignedInSchema,
  sessionListSchema,
  sessionsEndedSchema,
  signedInSchema,
  signInLinkSchema,
  signInSchema,
} from '../../api/sessions.ts'
import type { Database } from '../../db/engine/engine.ts'
import { signInState, signInsState } from '../../db/people/audit-states.ts'
import { endPasswordLogins, endSignIn, listSignIns } from '../../db/people/sessions.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { actingAs } from '../../lib/request-context.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { requestFrom } from '../client-address.ts'
import { publicUrl } from '../public-url.ts'
import { actorOf, allowAnybody, allowOnInstance, allowSignIn, callerOf } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'
import { removeSessionCookie, requireOwnOrigin, setSessionCookie } from './session-cookie.ts'

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

const signInBrowser = createRoute({
  method: 'post',
  path: '/user/sessions/browser',
  tags,
  summary: 'The same for a page of this server: the secret goes into a cookie that no script reads',
  security: [],
  request: { body: body(signInSchema) },
  responses: created('The session', browserSignedInSchema),
})

const signInByLink = createRoute({
  method: 'post',
  path: '/user/sessions/link',
  tags,
  summary: 'The same by a link that the server, or `kagami user link`, has printed',
  description: 'A link serves once, within 15 minutes. Like the other, it is for pages of this server alone.',
  security: [],
  request: { body: body(signInLinkSchema) },
  responses: created('The session', browserSignedInSchema),
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
  /** Undefined: as each request's Host says. */
  readonly publicUrl: string | undefined
}

export function sessionRoutes({ db, authenticator, clock, publicUrl: configuredUrl }: SessionDeps): Routes {
  return newRoutes()
    .change(
      signIn,
      (_who, c) => allowSignIn(authenticator, c.req.valid('json'), requestFrom(c.req.raw, c.env)),
      // Its id is made on the way.
      { action: 'session.create', on: () => ({ organization: null, object: 'session' }), read: undefined },
      async (c, { userId: id, username }) => {
        const made = () => createSession(db, clock, { id, username }, requestFrom(c.req.raw, c.env))
        const { text, ...session } = await actingAs(`user:${username}`, made)
        return c.json({ username, ...session, token: text.reveal() }, 201)
      },
    )
    .change(
      signInBrowser,
      (_who, c) => {
        // Another site's page must not sign its visitors in as somebody.
        requireOwnOrigin(c, configuredUrl)
        return allowSignIn(authenticator, c.req.valid('json'), requestFrom(c.req.raw, c.env))
      },
      { action: 'session.create', on: () => ({ organization: null, object: 'session' }), read: undefined },
      async (c, { userId: id, username }) => {
        const made = () => createSession(db, clock, { id, username }, requestFrom(c.req.raw, c.env))
        const { text, ...session } = await actingAs(`user:${username}`, made)
        setSessionCookie(c, text, publicUrl(c.req.raw, configuredUrl))
        return c.json({ username, ...session }, 201)
      },
    )
    .change(
      signInByLink,
      async (_who, c) => {
        requireOwnOrigin(c, configuredUrl)
        return allowAnybody()
      },
      { action: 'session.create', on: () => ({ organization: null, object: 'session' }), read: undefined },
      async (c) => {
        const { username, session } = await enterBySignInLink(
          db,
          clock,
          c.req.valid('json').secret,
          requestFrom(c.req.raw, c.env),
        )
        const { text, ...rest } = session
        setSessionCookie(c, text, publicUrl(c.req.raw, configuredUrl))
        return c.json({ username, ...rest }, 201)
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
    .change(
      end,
      async (who) => ({
        ...(await allowOnInstance(db, who, 'profile.manage', 'end sessions')),
        current: callerOf(who).session,
      }),
      {
        action: 'session.end',
        on: (c) => ({ organization: null, object: `session:${c.req.valid('param').session}` }),
        read: (queries, c, { userId }) => signInState(queries, userId, c.req.valid('param').session),
      },
      async (c, { userId, current }) => {
        const { session } = c.req.valid('param')
        const isEnded = await db.write((tx) => endSignIn(tx, userId, session))
        // A browser that signs out keeps nothing of it.
        if (current?.id === session) removeSessionCookie(c, publicUrl(c.req.raw, configuredUrl))
        if (isEnded) return c.body(null, 204)
        throw new AppError('NOT_FOUND', `you have no session ${session}`, {
          about: { reason: 'absent', what: 'session' },
        })
      },
    )
    .change(
      endOthers,
      async (who) => ({
        ...(await allowOnInstance(db, who, 'profile.manage', 'end sessions')),
        session: callerOf(who).session,
      }),
      {
        action: 'session.end',
        on: (c) => ({ organization: null, object: actorOf(c.var.who) }),
        read: (queries, _c, { userId }) => signInsState(queries, userId),
      },
      async (c, { userId, session }) => {
        const ended = await db.write((tx) => endPasswordLogins(tx, userId, session?.id))
        return c.json({ ended }, 200)
      },
    )
}
