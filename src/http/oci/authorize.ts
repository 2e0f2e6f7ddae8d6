/** Who may do what on `/v2`, and how a refusal is said (Docker Registry token specification; design, invariant 7). */
import type { Authenticated } from '../../access/principal.ts'
import { decideRepository, type RefusalReason, type RepositoryGrant } from '../../access/rights.ts'
import type { RepositoryRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/reference.ts'
import type { Destination } from '../../registry/destination.ts'
import type { Call, OciDependencies } from './call.ts'
import { RefusalError } from './refusal.ts'

export type ContentAction = 'pull' | 'push' | 'delete'

const SCOPE_ACTIONS: Record<ContentAction, string> = { pull: 'pull', push: 'pull,push', delete: 'delete' }

/** One entry of a challenge's `scope`. */
export function scopeOf(name: RepositoryName, action: ContentAction): string {
  return `repository:${name}:${SCOPE_ACTIONS[action]}`
}

/** A granted request: where it acts, and as whom. */
export interface Granted extends RepositoryGrant {
  readonly name: RepositoryName
  readonly destination: Destination
}

/**
 * The repository of the call, when its caller may do this to it.
 * @throws AppError NAME_INVALID; UNAUTHORIZED with a challenge; DENIED
 */
export async function authorizeRepository(deps: OciDependencies, call: Call, action: ContentAction): Promise<Granted> {
  const name = parseRepositoryName(call.route.name)
  const decision = await decideRepository(deps.db.read, call.who, name, action)
  if (!decision.allowed) throw refusal(deps, call, decision.reason, [scopeOf(name, action)])
  return { ...decision, name, destination: { organization: decision.organization, name, actor: actorOf(call.who) } }
}

/** As `authorizeRepository`, for a route that needs the repository to be there. @throws AppError `absent()` when it is not */
export async function authorizePresent(
  deps: OciDependencies,
  call: Call,
  action: ContentAction,
  absent: (name: RepositoryName) => AppError = unknownName,
): Promise<Granted & { readonly repository: RepositoryRow }> {
  const granted = await authorizeRepository(deps, call, action)
  const { repository } = granted
  if (repository === undefined) throw absent(granted.name)
  return { ...granted, repository }
}

function unknownName(name: RepositoryName): AppError {
  return new AppError('NAME_UNKNOWN', `there is no repository ${name}`, { detail: { name } })
}

/** Who stands in history and events. */
export function actorOf({ principal }: Authenticated): string {
  return principal.kind === 'user' ? `user:${principal.username}` : 'anonymous'
}

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
