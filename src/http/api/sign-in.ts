import { createRoute } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { endLink } from '../../access/identity/own-links.ts'
import { type BeginSignIn, beginSignIn, endSignIn, type SignInDeps, useCode } from '../../access/identity/sign-in.ts'
import type { UserPrincipal } from '../../access/principal.ts'
import { createSession } from '../../access/sessions.ts'
import { createToken } from '../../access/tokens.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import {
  identityLinkBeginSchema,
  identityLinkBegunSchema,
  identityLinkedSchema,
  identityLinkSchema,
  ownIdentityListSchema,
  providerParameterSchema,
  signInCodeSchema,
  signInProviderListSchema,
  signInQuerySchema,
} from '../../api/sign-in.ts'
import { tokenCreatedSchema } from '../../api/tokens.ts'
import { listProvidersSeenBy } from '../../db/people/identity-providers.ts'
import { listLinks } from '../../db/people/own-links.ts'
import { AppError } from '../../errors.ts'
import { isoTime } from '../../lib/clock.ts'
import { actingAs } from '../../lib/request-context.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { clientAddress, requestFrom } from '../client-address.ts'
import { publicUrl } from '../public-url.ts'
import { parseTarget } from '../target.ts'
import { allowAnybody, allowOnInstance, callerOf } from './decide.ts'
import { type ApiEnvironment, body, created, done, keepOpen, newRoutes, ok, type Routes, refused } from './route.ts'
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
  responses: led('To the page with the cookie of a session, or to the command line with a code'),
})

const providers = createRoute({
  method: 'get',
  path: '/sign-in/providers',
  tags,
  summary: 'What one may sign in by: providers of the instance; signed in, those of your organizations too',
  description:
    'Organizations give the addresses of their own providers to their people: nobody else learns that they are there.',
  request: { query: listQuerySchema },
  responses: ok('One page, by id', signInProviderListSchema),
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

const beginLink = createRoute({
  method: 'post',
  path: '/user/identities/start',
  tags,
  summary: 'The same in a browser: where it is sent, to come back linked',
  request: { body: body(identityLinkBeginSchema) },
  responses: created('To the provider', identityLinkBegunSchema),
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

const userOf = ({ userId: id, username, isOperator }: UserPrincipal) => ({ id, username, isOperator })

export function signInRoutes(deps: Deps): Routes {
  const { db, clock } = deps

  /** Begins, and gives this browser the cookie that tells it when it comes back. */
  async function begin(c: Context<ApiEnvironment>, o: Pick<BeginSignIn, 'provider' | 'loopback' | 'next' | 'linkTo'>) {
    const origin = publicUrl(c.req.raw, deps.publicUrl)
    keepOpen(c)
    const redirectUriOf = (id: string) => `${origin}${PATH}/${id}/callback`
    const begun = await beginSignIn(deps, { ...o, redirectUriOf, address: clientAddress(c.req.raw, c.env) })
    const { name, value, maxAgeSeconds: maxAge } = begun.cookie
    setCookie(c, name, value, { ...cookieOptions(origin, PATH), maxAge })
    return begun
  }

  return newRoutes()
    .serve(providers, allowAnybody, async (c) => {
      const { limit, after } = c.req.valid('query')
      const { principal, access } = c.var.who
      // What a client of the registry carries stands for nobody here.
      const userId = principal.kind === 'user' && access === undefined ? principal.userId : undefined
      const rows = await listProvidersSeenBy(db.read, userId, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, ({ id }) => id)
      const origin = publicUrl(c.req.raw, deps.publicUrl)
      const shown = items.map(({ id, name, organization }) => {
        return { id, name, organization, signIn: `${origin}${PATH}/${id}/start` }
      })
      return c.json({ providers: shown, next }, 200)
    })
    .serve(start, allowAnybody, async (c) => {
      const { port, challenge, state, next } = c.req.valid('query')
      const isLoopback = port !== undefined && challenge !== undefined && state !== undefined
      c.set('goesOnAt', isLoopback ? undefined : (next ?? '/'))
      const { url } = await begin(c, {
        provider: c.req.valid('param').provider,
        loopback: isLoopback ? { port, challenge, state } : undefined,
        next,
      })
      return c.redirect(url, 302)
    })
    .change(callback, allowAnybody, madeOnTheWay('session.create', 'session'), async (c) => {
      const { provider } = c.req.valid('param')
      const { query } = parseTarget(c.req.raw.url)
      keepOpen(c)
      c.set('goesOnAt', '/')
      const { principal } = c.var.who
      const ended = await endSignIn(deps, {
        provider,
        query,
        cookieOf: (name) => getCookie(c, name),
        present: principal.kind === 'user' && principal.session !== undefined ? userOf(principal) : undefined,
        onBegun: (next) => c.set('goesOnAt', next ?? '/'),
      })
      if (ended.kind === 'loopback') return c.redirect(ended.url, 302)
      if (ended.kind === 'linked') return c.redirect(ended.next ?? '/', 302)
      const { id, username } = ended.user
      const by = { id, username, providerId: ended.providerId }
      const session = await actingAs(`user:${username}`, () =>
        createSession(db, clock, by, requestFrom(c.req.raw, c.env)),
      )
      setSessionCookie(c, session.text, publicUrl(c.req.raw, deps.publicUrl))
      return c.redirect(ended.next ?? '/', 302)
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
    .change(
      beginLink,
      async (who) => {
        const granted = await allowOnInstance(db, who, 'token.manage', 'link how you sign in')
        if (callerOf(who).session !== undefined) return granted
        throw new AppError(
          'DENIED',
          'a link is begun here in a session of a browser: kagami login --identity ID --link',
        )
      },
      // What comes of it is told when the browser is back.
      { action: 'identity.link', on: () => ({ organization: null, object: 'user' }), read: undefined },
      async (c, { userId }) => {
        const { provider, next } = c.req.valid('json')
        const { url } = await begin(c, { provider, next, linkTo: { id: userId } })
        return c.json({ url }, 201)
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
