import { createRoute } from '@hono/zod-openapi'
import { getCookie, setCookie } from 'hono/cookie'
import { endLink } from '../../access/identity/own-links.ts'
import { beginSignIn, endSignIn, type SignInDeps, useCode } from '../../access/identity/sign-in.ts'
import { createSession } from '../../access/sessions.ts'
import { createToken } from '../../access/tokens.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import {
  identityLinkedSchema,
  identityLinkSchema,
  ownIdentityListSchema,
  providerParameterSchema,
  signInCodeSchema,
  signInQuerySchema,
} from '../../api/sign-in.ts'
import { tokenCreatedSchema } from '../../api/tokens.ts'
import { listLinks } from '../../db/people/own-links.ts'
import { isoTime } from '../../lib/clock.ts'
import { actingAs } from '../../lib/request-context.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { clientAddress, requestFrom } from '../client-address.ts'
import { publicUrl } from '../public-url.ts'
import { parseTarget } from '../target.ts'
import { allowAnybody, allowOnInstance } from './decide.ts'
import { body, created, done, keepOpen, newRoutes, ok, type Routes, refused } from './route.ts'
import { cookieOptions, setSessionCookie } from './session-cookie.ts'

const tags = ['sign-in']
const PATH = '/api/v1/sign-in'
const ofProvider = z.strictObject({ provider: providerParameterSchema })
const led = (description: string) => ({ 302: { description }, ...refused })

const start = createRoute({
  method: 'get',
  path: '/sign-in/{provider}/start',
  tags,
  summary: 'Begin to sign in by a provider: where a browser is sent',
  description: 'Ends in a session of the browser, or at the command line that waits on its machine.',
  request: { params: ofProvider, query: signInQuerySchema },
  responses: led('To the provider'),
})

const callback = createRoute({
  method: 'get',
  path: '/sign-in/{provider}/callback',
  tags,
  summary: 'Where a provider sends the browser back to: its redirect URI',
  request: {
    params: ofProvider,
    query: z.object({ state: z.string().min(1).max(512).describe('As the start sent it') }),
  },
  responses: led('To the start page with the cookie of a session, or to the command line with a code'),
})

const redeem = createRoute({
  method: 'post',
  path: '/sign-in/token',
  tags,
  summary: 'Make a personal access token of the code that a command line got',
  request: { body: body(signInCodeSchema) },
  responses: created('The token, shown this once', tokenCreatedSchema),
})

const link = createRoute({
  method: 'post',
  path: '/user/identities',
  tags,
  summary: 'Sign in by a provider to your own account from now on, by the code that a command line got',
  request: { body: body(identityLinkSchema) },
  responses: created('Linked', identityLinkedSchema),
})

const list = createRoute({
  method: 'get',
  path: '/user/identities',
  tags,
  summary: 'List by whom you sign in besides your password',
  request: { query: listQuerySchema },
  responses: ok('One page', ownIdentityListSchema),
})

const unlink = createRoute({
  method: 'delete',
  path: '/user/identities/{link}',
  tags,
  summary: 'End one of your links, and the sessions that it opened: refused where it is the only way in',
  request: { params: z.strictObject({ link: idParameterSchema }) },
  responses: done('Ended'),
})

interface Deps extends SignInDeps {
  /** Undefined: as each request's Host says. */
  readonly publicUrl: string | undefined
}

/** Only its transaction knows whose it is; a command line that waits for a code gets no more than that here. */
const madeOnTheWay = (action: string, object: string) => ({
  action,
  on: () => ({ organization: null, object }),
  read: undefined,
})

export function signInRoutes(deps: Deps): Routes {
  const { db, clock } = deps
  return newRoutes()
    .serve(start, allowAnybody, async (c) => {
      const { provider } = c.req.valid('param')
      const { port, challenge, state } = c.req.valid('query')
      const origin = publicUrl(c.req.raw, deps.publicUrl)
      keepOpen(c)
      const { url, cookie } = await beginSignIn(deps, {
        provider,
        loopback:
          port === undefined || challenge === undefined || state === undefined ? undefined : { port, challenge, state },
        redirectUriOf: (id) => `${origin}${PATH}/${id}/callback`,
        address: clientAddress(c.req.raw, c.env),
      })
      setCookie(c, cookie.name, cookie.value, { ...cookieOptions(origin, PATH), maxAge: cookie.maxAgeSeconds })
      return c.redirect(url, 302)
    })
    .change(callback, allowAnybody, madeOnTheWay('session.create', 'session'), async (c) => {
      const { provider } = c.req.valid('param')
      const { query } = parseTarget(c.req.raw.url)
      keepOpen(c)
      const ended = await endSignIn(deps, { provider, query, cookieOf: (name) => getCookie(c, name) })
      if (ended.kind === 'loopback') return c.redirect(ended.url, 302)
      const { id, username } = ended.user
      const by = { id, username, providerId: ended.providerId }
      const session = await actingAs(`user:${username}`, () =>
        createSession(db, clock, by, requestFrom(c.req.raw, c.env)),
      )
      setSessionCookie(c, session.text, publicUrl(c.req.raw, deps.publicUrl))
      return c.redirect('/', 302)
    })
    .change(redeem, allowAnybody, madeOnTheWay('token.create', 'token'), async (c) => {
      const { code, verifier, label } = c.req.valid('json')
      const { user } = await useCode(deps, { code, verifier })
      const wanted = { userId: user.id, label, scope: 'admin', expires: '90d' } as const
      const { row, text } = await actingAs(`user:${user.username}`, () => createToken(db, clock, wanted))
      const { id, scope, expires_at: expiresAt } = row
      return c.json({ id, label, scope, expiresAt, username: user.username, token: text.reveal() }, 201)
    })
    .change(
      link,
      (who) => allowOnInstance(db, who, 'token.manage', 'link how you sign in'),
      madeOnTheWay('identity.link', 'user'),
      async (c, { userId: id, username, isOperator }) => {
        const { takeOver, ...code } = c.req.valid('json')
        const { provider } = await useCode(deps, { ...code, link: { to: { id, username, isOperator }, takeOver } })
        const { name, organization } = provider
        return c.json({ provider: name, organization, username, linkedAt: isoTime(clock.now()) }, 201)
      },
    )
    .serve(
      list,
      (who) => allowOnInstance(db, who, 'account.read', 'list by whom you sign in'),
      async (c, { userId }) => {
        const { limit, after = '' } = c.req.valid('query')
        const rest = (await listLinks(db.read, userId)).filter(({ id }) => id > after)
        const { items, next } = cutPage(rest, limit, ({ id }) => id)
        const identities = items.map(({ id, provider, organization, issuer, subject, linkedAt }) => {
          return { id, provider, organization, issuer, subject, linkedAt }
        })
        return c.json({ identities, next }, 200)
      },
    )
    .change(
      unlink,
      (who) => allowOnInstance(db, who, 'token.manage', 'end a link'),
      madeOnTheWay('identity.unlink', 'user'),
      async (c, { userId: id, username }) => {
        await db.write((tx) => endLink(tx, { id, username }, c.req.valid('param').link))
        return c.body(null, 204)
      },
    )
}
