/** Who may do what on `/v2`, and how a refusal is said (Docker Registry token specification; design, invariant 7). */
import { actorOf } from '../../access/principal.ts'
import {
  decideBase,
  decideCatalog,
  decideRepository,
  type RefusalReason,
  type RepositoryGrant,
} from '../../access/rights.ts'
import type { RepositoryRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { findRepositoryName, parseRepositoryName, type RepositoryName } from '../../oci/reference.ts'
import type { Destination } from '../../registry/destination.ts'
import type { Call, OciDependencies } from './call.ts'
import { RefusalError } from './refusal.ts'
import type { Route } from './route.ts'

export type ContentAction = 'pull' | 'push' | 'delete'

const SCOPE_ACTIONS: Record<ContentAction, string> = { pull: 'pull', push: 'pull,push', delete: 'delete' }

/** What an endpoint needs: a right to its repository, to the catalog, or just any valid token. */
export type Need = ContentAction | 'catalog' | 'token'

/** One entry of a challenge's `scope`. */
export function scopeOf(name: RepositoryName, action: ContentAction): string {
  return `repository:${name}:${SCOPE_ACTIONS[action]}`
}

declare const decided: unique symbol

/** What a decision of this file gave: no endpoint is served without one (`endpoint.ts`), and nothing else makes one. */
export type Decided<T extends object = object> = T & { readonly [decided]: true }

/** A granted request: where it acts, and as whom. */
export interface Granted extends RepositoryGrant {
  readonly name: RepositoryName
  readonly destination: Destination
}

/**
 * The repository of the call, when its caller may do this to it.
 * @throws AppError NAME_INVALID; UNAUTHORIZED with a challenge; DENIED
 */
export async function authorizeRepository(
  deps: OciDependencies,
  call: Call,
  action: ContentAction,
): Promise<Decided<Granted>> {
  const name = parseRepositoryName(call.route.name)
  const decision = await decideRepository(deps.db.read, call.who, name, action)
  if (!decision.allowed) throw refusal(deps, call, decision.reason, [scopeOf(name, action)])
  const destination = { organization: decision.organization, name, actor: actorOf(call.who) }
  return { ...decision, name, destination } as Granted as Decided<Granted>
}

/** As `authorizeRepository`, for a route that needs the repository to be there. @throws AppError `absent()` when it is not */
export async function authorizePresent(
  deps: OciDependencies,
  call: Call,
  action: ContentAction,
  absent: (name: RepositoryName) => AppError = unknownName,
): Promise<Decided<GrantedPresent>> {
  const granted = await authorizeRepository(deps, call, action)
  const { repository } = granted
  if (repository === undefined) throw absent(granted.name)
  return { ...granted, repository }
}

export type GrantedPresent = Granted & { readonly repository: RepositoryRow }

/** @throws AppError UNAUTHORIZED with a challenge */
export async function authorizeBase(deps: OciDependencies, call: Call): Promise<Decided> {
  const decision = decideBase(call.who)
  if (!decision.allowed) throw refusal(deps, call, decision.reason, [])
  return decision as object as Decided
}

const CATALOG_SCOPE = 'registry:catalog:*'

/** @throws AppError UNAUTHORIZED with a challenge */
export async function authorizeCatalog(deps: OciDependencies, call: Call): Promise<Decided> {
  const decision = decideCatalog(call.who)
  if (!decision.allowed) throw refusal(deps, call, decision.reason, [CATALOG_SCOPE])
  return decision as object as Decided
}

/** What to ask a token for, for a request whose credentials say nothing any more: as its decision would say it. */
export function neededScopes(route: Route, needs: Need): string[] {
  if (needs === 'token') return []
  if (needs === 'catalog') return [CATALOG_SCOPE]
  const name = findRepositoryName(route.name)
  return name === undefined ? [] : [scopeOf(name, needs)]
}

function unknownName(name: RepositoryName): AppError {
  return new AppError('NAME_UNKNOWN', `there is no repository ${name}`, { detail: { name } })
}

export { actorOf }

/** The answer to a caller who may not: 401 with what to ask a token for, or 403 when no token would help. */
export function refusal(deps: OciDependencies, call: Call, reason: RefusalReason, scopes: readonly string[]): AppError {
  if (reason === 'denied') {
    return new AppError('DENIED', 'these credentials do not give access to this repository', { detail: { scopes } })
  }
  const message = reason === 'unauthenticated' ? 'no credentials were given' : 'the token does not carry this scope'
  const error = reason === 'insufficient_scope' ? 'insufficient_scope' : undefined
  return new RefusalError('UNAUTHORIZED', message, challenge(deps, call.request, { scopes, error }), {
    detail: { scopes },
  })
}

/** The one `WWW-Authenticate` header: lower-case keys, quoted values, several scopes separated by blanks. */
export function challenge(
  deps: OciDependencies,
  request: Request,
  o: { readonly scopes?: readonly string[]; readonly error?: string | undefined } = {},
): Record<string, string> {
  const parts = [`Bearer realm="${deps.tokenRealm(request)}"`, `service="${deps.service}"`]
  if (o.scopes !== undefined && o.scopes.length > 0) parts.push(`scope="${o.scopes.join(' ')}"`)
  if (o.error !== undefined) parts.push(`error="${o.error}"`)
  return { 'WWW-Authenticate': parts.join(',') }
}
