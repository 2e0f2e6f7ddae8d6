/** The token service, realm of every challenge: `GET` and `POST /token`. */
import { type Context, Hono } from 'hono'
import type { RequestAuthenticator } from '../../access/authenticate.ts'
import { BEARER_LIFE_SECONDS, type BearerSigner, type BearerSubject, SERVICE } from '../../access/bearer.ts'
import { parseAuthorization } from '../../access/credentials.ts'
import { type Access, ANONYMOUS, type From, type Principal } from '../../access/principal.ts'
import { createRefreshToken, useRefreshToken } from '../../access/refresh-tokens.ts'
import type { Refusals } from '../../access/refusals.ts'
import { listAllowedActions } from '../../access/rights.ts'
import type { Database } from '../../db/engine/engine.ts'
import { AppError, isAppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { requestIdOf } from '../../lib/request-id.ts'
import { splitRepositoryName } from '../../oci/reference.ts'
import { requestFrom } from '../client-address.ts'
import { renderError } from '../oci/errors.ts'
import { RefusalError, withHeaders } from '../oci/refusal.ts'
import { refusedBy } from '../request-context.ts'
import { parseTarget, pathOf } from '../target.ts'
import { refusedScopes } from './refused.ts'
import { type Grant, parseQuery, readForm, type TokenRequest } from './request.ts'
import { formatScopes, parseScopes, type RequestedScope } from './scope.ts'

const METHODS = 'GET, HEAD, POST'

export interface TokenAppDeps {
  readonly db: Database
  readonly authenticator: Pick<RequestAuthenticator, 'login'>
  readonly signBearer: BearerSigner
  readonly clock: Clock
  readonly logger: Logger
  readonly refusals: Refusals
}

export function createTokenApp(deps: TokenAppDeps): Hono {
  const { db, clock } = deps

  async function identify(c: Context, grant: Grant): Promise<Principal> {
    const from = requestFrom(c.req.raw, c.env)
    switch (grant.type) {
      case 'header':
        return identifyByHeader(deps.authenticator, c.req.raw.headers.get('authorization'), from)
      case 'password':
        return deps.authenticator.login(grant.username, grant.password, from)
      case 'refresh_token':
        return useRefreshToken(db, clock, grant.refreshToken, SERVICE)
    }
  }

  /** Less access than asked is no error: what is granted is the intersection, possibly nothing. */
  async function grantAccess(principal: Principal, scopes: readonly RequestedScope[]): Promise<Access[]> {
    const access: Access[] = []
    for (const scope of scopes) {
      if (scope.type === 'registry') {
        access.push({ type: 'registry', name: scope.name, actions: ['*'] })
        continue
      }
      const actions = await listAllowedActions(db.read, { principal }, scope.name, [...scope.actions], clock.now())
      if (actions.length > 0) access.push({ type: 'repository', name: scope.name, actions })
    }
    return access
  }

  async function answer(c: Context, { grant, scopes, isOffline }: TokenRequest): Promise<Response> {
    const principal = await identify(c, grant)
    const access = await grantAccess(principal, scopes)
    const { address } = requestFrom(c.req.raw, c.env)
    const from = { address, requestId: requestIdOf(c.req.raw) }
    for (const one of refusedScopes(principal, scopes, access, from)) deps.refusals.note(one)
    const bearer = await deps.signBearer({ subject: subjectOf(principal), access })
    const body = {
      token: bearer.token,
      access_token: bearer.token,
      expires_in: BEARER_LIFE_SECONDS,
      issued_at: isoTime(bearer.issuedAt),
      ...(grant.type !== 'header' && { scope: formatScopes(bearer.access) }),
    }
    // A token of an organization is kept as it is, by who has it: what it opens ends with it.
    if (!isOffline || principal.kind !== 'user') return c.json(body)
    const refresh_token =
      grant.type === 'refresh_token'
        ? grant.refreshToken
        : await createRefreshToken(db, clock, { principal, service: SERVICE, from: requestFrom(c.req.raw, c.env) })
    return c.json({ ...body, refresh_token })
  }

  const app = new Hono({ getPath: pathOf })
  app.use('/token', async (c, next) => {
    await next()
    c.header('cache-control', 'no-store')
  })
  app.get('/token', (c) => answer(c, parseQuery(new URLSearchParams(parseTarget(c.req.raw.url).query))))
  app.post('/token', async (c) => answer(c, await readForm(c.req.raw)))
  app.all('/token', (c) => {
    const message = `${c.req.method} is not supported here, want ${METHODS}`
    throw new RefusalError('UNSUPPORTED', message, { Allow: METHODS })
  })
  app.onError((error, c) => {
    const attempt = { organization: askedOrganization(c.req.raw.url), action: 'login', object: '*' }
    const refused = refusedBy(error, { request: c.req.raw, server: c.env, who: undefined }, attempt)
    if (refused !== undefined) deps.refusals.note(refused)
    return renderError(challenged(error), c.req.raw, deps.logger)
  })
  return app
}

function subjectOf(principal: Principal): BearerSubject | undefined {
  switch (principal.kind) {
    case 'anonymous':
      return undefined
    case 'user':
      return { userId: principal.userId, username: principal.username, tokenId: principal.token?.id }
    case 'organization-token':
      return { username: principal.organization.name, organizationTokenId: principal.tokenId }
  }
}

/** That of the first repository of the query; a form is not read again for it. */
function askedOrganization(url: string): string | undefined {
  for (const scope of parseScopes(new URLSearchParams(parseTarget(url).query).getAll('scope'))) {
    if (scope.type === 'repository') return splitRepositoryName(scope.name)?.organization
  }
  return undefined
}

/** Only what a person logs in with: a bearer token must not get itself a longer life. */
async function identifyByHeader(
  authenticator: Pick<RequestAuthenticator, 'login'>,
  header: string | null,
  from: From,
): Promise<Principal> {
  const credentials = parseAuthorization(header)
  if (credentials.kind === 'none') return ANONYMOUS.principal
  if (credentials.kind === 'basic') return authenticator.login(credentials.username, credentials.password, from)
  throw new AppError('UNAUTHORIZED', 'the token service wants Basic credentials, or none; got a bearer token')
}

/** The login of the token service is Basic, whatever the registry's own challenge says. */
function challenged(error: unknown): unknown {
  if (!isAppError(error, 'UNAUTHORIZED')) return error
  return withHeaders(error, { 'WWW-Authenticate': `Basic realm="${SERVICE}", charset="UTF-8"` })
}
