import { createRoute } from '@hono/zod-openapi'
import { exchangeJwt } from '../../access/identity/exchange.ts'
import type { IdentityDeps, StoredIdentity } from '../../access/identity/identity.ts'
import { addProvider, changeProvider } from '../../access/identity/providers.ts'
import { addRule, getIdentity, listIdentities, removeIdentity } from '../../access/identity/settings.ts'
import type { Authenticated } from '../../access/principal.ts'
import {
  identityAnswerSchema,
  identityChangeSchema,
  identityCreateSchema,
  identityListSchema,
  identityShowSchema,
  sharedProviderChangeSchema,
  sharedProviderCreateSchema,
  tokenExchangedSchema,
  tokenExchangeSchema,
} from '../../api/identities.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { nameSchema, z } from '../../api/schema.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { identityState } from '../../db/people/access-audit-states.ts'
import { listRefusals } from '../../db/people/identity-rules.ts'
import { isoTime } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { clientAddress } from '../client-address.ts'
import { publicUrl } from '../public-url.ts'
import { actorOf, allowAnybody, allowInOrganization, allowOnInstance } from './decide.ts'
import { identityOf } from './identity-view.ts'
import { body, created, done, keepOpen, newRoutes, ok, type Routes } from './route.ts'

const tags = ['identities']
const ofOrganization = { params: z.strictObject({ organization: nameSchema }) }
const oneOfOrganization = { params: z.strictObject({ organization: nameSchema, identity: nameSchema }) }
const oneShared = { params: z.strictObject({ identity: nameSchema }) }

const list = createRoute({
  method: 'get',
  path: '/organizations/{organization}/identities',
  tags,
  summary: 'List the providers that people sign in by, and the rules for CI jobs (owners)',
  request: { ...ofOrganization, query: listQuerySchema },
  responses: ok('One page, by name', identityListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/organizations/{organization}/identities',
  tags,
  summary: 'Add a provider, or a rule for CI jobs (owners)',
  description: "A provider's discovery document is read first: one that cannot be read is not added.",
  request: { ...ofOrganization, body: body(identityCreateSchema) },
  responses: created('The identity; a client secret is never shown', identityAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path: '/organizations/{organization}/identities/{identity}',
  tags,
  summary: 'Show a provider, or a rule and why tokens of its issuer were refused lately (owners)',
  request: oneOfOrganization,
  responses: ok('The identity; a client secret is never shown', identityShowSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/organizations/{organization}/identities/{identity}',
  tags,
  summary:
    'Change a provider, and how people come into the organization by it (owners); their teams follow at their next sign-in',
  request: { ...oneOfOrganization, body: body(identityChangeSchema) },
  responses: ok('The provider', identityAnswerSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/organizations/{organization}/identities/{identity}',
  tags,
  summary: 'Remove a provider or a rule: tokens that jobs got by the rule end, people stay (owners)',
  request: oneOfOrganization,
  responses: done('Removed'),
})

const listShared = createRoute({
  method: 'get',
  path: '/identities',
  tags,
  summary: 'List the providers of the instance (operators)',
  request: { query: listQuerySchema },
  responses: ok('One page, by name', identityListSchema),
})

const createShared = createRoute({
  method: 'post',
  path: '/identities',
  tags,
  summary: 'Add a provider of the instance (operators)',
  request: { body: body(sharedProviderCreateSchema) },
  responses: created('The provider; its client secret is never shown', identityAnswerSchema),
})

const showShared = createRoute({
  method: 'get',
  path: '/identities/{identity}',
  tags,
  summary: 'Show a provider of the instance (operators)',
  request: oneShared,
  responses: ok('The provider; its client secret is never shown', identityShowSchema),
})

const changeShared = createRoute({
  method: 'patch',
  path: '/identities/{identity}',
  tags,
  summary: 'Change a provider of the instance (operators)',
  request: { ...oneShared, body: body(sharedProviderChangeSchema) },
  responses: ok('The provider; its client secret is never shown', identityAnswerSchema),
})

const removeShared = createRoute({
  method: 'delete',
  path: '/identities/{identity}',
  tags,
  summary: 'Remove a provider of the instance (operators): people stay',
  request: oneShared,
  responses: done('Removed'),
})

const exchange = createRoute({
  method: 'post',
  path: '/organizations/{organization}/token-exchange',
  tags,
  summary: "Exchange a CI job's JWT for a token of minutes (RFC 8693): nobody needs to be signed in",
  description:
    'The first rule of the organization that takes the JWT says what the token may do. Each JWT is exchanged once. Whatever is wrong with one, the answer is the same 401.',
  request: {
    ...ofOrganization,
    body: { content: { 'application/x-www-form-urlencoded': { schema: tokenExchangeSchema } }, required: true },
  },
  responses: ok('The token', tokenExchangedSchema),
})

interface Deps extends IdentityDeps {
  /** Undefined: as each request's Host says. */
  readonly publicUrl: string | undefined
}

export function identityRoutes(deps: Deps): Routes {
  const { db } = deps
  type OfOrganization = { req: { valid(target: 'param'): { organization: string } } }
  const allow = (what: string) => async (who: Authenticated, c: OfOrganization) => ({
    ...(await allowInOrganization(db, who, c.req.valid('param').organization, 'identity.manage', `${what} identities`)),
    by: actorOf(who),
  })
  const allowShared = (what: string) => async (who: Authenticated) => ({
    ...(await allowOnInstance(db, who, 'identity.share', `${what} identities of the instance`)),
    by: actorOf(who),
  })
  const view = (identity: StoredIdentity, c: { req: { raw: Request } }) =>
    identityOf(identity, publicUrl(c.req.raw, deps.publicUrl))
  type Named = { req: { valid(target: 'json'): { readonly name: string } } }
  type One = { req: { valid(target: 'param'): { readonly identity: string } } }
  type Owned = { readonly organization: { readonly id: string } }
  const auditAdd = {
    action: 'identity.add',
    on: (c: OfOrganization & Named) => {
      return { organization: c.req.valid('param').organization, object: `identity:${c.req.valid('json').name}` }
    },
    read: (db: Queries, c: Named, { organization }: Owned) =>
      identityState(db, organization.id, c.req.valid('json').name),
  }
  const auditOne = (action: string) => ({
    action,
    on: (c: { req: { valid(target: 'param'): { readonly organization: string; readonly identity: string } } }) => {
      return { organization: c.req.valid('param').organization, object: `identity:${c.req.valid('param').identity}` }
    },
    read: (db: Queries, c: One, { organization }: Owned) =>
      identityState(db, organization.id, c.req.valid('param').identity),
  })
  const auditAddShared = {
    action: 'identity.add',
    on: (c: Named) => ({ organization: null, object: `identity:${c.req.valid('json').name}` }),
    read: (db: Queries, c: Named) => identityState(db, null, c.req.valid('json').name),
  }
  const auditOneShared = (action: string) => ({
    action,
    on: (c: One) => ({ organization: null, object: `identity:${c.req.valid('param').identity}` }),
    read: (db: Queries, c: One) => identityState(db, null, c.req.valid('param').identity),
  })
  // Its id is made on the way.
  const auditExchange = {
    action: 'organization-token.create',
    on: (c: OfOrganization) => ({ organization: c.req.valid('param').organization, object: 'token' }),
    read: undefined,
  }
  return newRoutes()
    .serve(list, allow('list'), async (c, { organization }) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listIdentities(db, organization, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, ({ row }) => row.name)
      return c.json({ identities: items.map((one) => view(one, c)), next }, 200)
    })
    .change(create, allow('add'), auditAdd, async (c, { organization, by }) => {
      const wanted = c.req.valid('json')
      keepOpen(c)
      const made =
        wanted.kind === 'provider'
          ? await addProvider(deps, organization, { ...wanted, trustEmail: false, by })
          : await addRule(deps, organization, { ...wanted, by })
      return c.json({ identity: view(made, c) }, 201)
    })
    .serve(show, allow('see'), async (c, { organization }) => {
      const found = await getIdentity(db, organization, c.req.valid('param').identity)
      const rows = found.kind === 'rule' ? await listRefusals(db.read, organization.id, found.row.issuer) : []
      const refusals = rows.map(({ at, is_verified, subject, reason, address, attempts }) => ({
        at,
        verified: is_verified === 1,
        subject,
        reason,
        address,
        attempts,
      }))
      return c.json({ identity: view(found, c), refusals }, 200)
    })
    .change(change, allow('change'), auditOne('identity.change'), async (c, { organization }) => {
      keepOpen(c)
      const changed = await changeProvider(deps, organization, c.req.valid('param').identity, c.req.valid('json'))
      return c.json({ identity: view(changed, c) }, 200)
    })
    .change(remove, allow('remove'), auditOne('identity.remove'), async (c, { organization }) => {
      await removeIdentity(db, organization, c.req.valid('param').identity)
      return c.body(null, 204)
    })
    .serve(listShared, allowShared('list'), async (c) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listIdentities(db, null, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, ({ row }) => row.name)
      return c.json({ identities: items.map((one) => view(one, c)), next }, 200)
    })
    .change(createShared, allowShared('add'), auditAddShared, async (c, { by }) => {
      keepOpen(c)
      const ofNone = { role: 'member', only: false, groupsClaim: 'groups', groups: [] } as const
      const made = await addProvider(deps, null, { ...c.req.valid('json'), ...ofNone, by })
      return c.json({ identity: view(made, c) }, 201)
    })
    .serve(showShared, allowShared('see'), async (c) => {
      const found = await getIdentity(db, null, c.req.valid('param').identity)
      return c.json({ identity: view(found, c), refusals: [] }, 200)
    })
    .change(changeShared, allowShared('change'), auditOneShared('identity.change'), async (c) => {
      keepOpen(c)
      const changed = await changeProvider(deps, null, c.req.valid('param').identity, c.req.valid('json'))
      return c.json({ identity: view(changed, c) }, 200)
    })
    .change(removeShared, allowShared('remove'), auditOneShared('identity.remove'), async (c) => {
      await removeIdentity(db, null, c.req.valid('param').identity)
      return c.body(null, 204)
    })
    .change(exchange, allowAnybody, auditExchange, async (c) => {
      const { organization } = c.req.valid('param')
      const { subject_token: jwt } = c.req.valid('form')
      keepOpen(c)
      const token = await exchangeJwt(deps, { organization, jwt, address: clientAddress(c.req.raw, c.env) })
      return c.json(
        {
          access_token: token.text.reveal(),
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' as const,
          token_type: 'Bearer' as const,
          expires_in: token.expiresInSeconds,
          scope: token.allow.join(' '),
          id: token.id,
          username: organization,
          repositories: [...token.repositories],
          expiresAt: isoTime(token.expiresAt),
        },
        200,
      )
    })
}
