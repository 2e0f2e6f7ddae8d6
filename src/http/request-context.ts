/** What the doors tell the audit log: who asks, and who was refused. */
import { type Authenticated, actorOf, type Principal } from '../access/principal.ts'
import type { Refused } from '../access/refusals.ts'
import { findRefusedSubject, type RefusedToken } from '../access/refused-subject.ts'
import { isAppError } from '../errors.ts'
import type { RequestContext } from '../lib/request-context.ts'
import { requestIdOf } from '../lib/request-id.ts'
import { clientAddress } from './client-address.ts'

/** @param server Bun's server, the second argument of `fetch` (Hono: `c.env`) */
export function contextOf(request: Request, server: unknown, who: Authenticated): RequestContext {
  return {
    actor: actorOf(who),
    tokenId: tokenIdOf(who.principal),
    address: clientAddress(request, server),
    get requestId() {
      return requestIdOf(request)
    },
  }
}

function tokenIdOf(principal: Principal): string | undefined {
  switch (principal.kind) {
    case 'anonymous':
      return undefined
    case 'user':
      return principal.token?.id
    case 'organization-token':
      return principal.tokenId
  }
}

function asUser(username: string) {
  const actor = `user:${username}`
  return { actor, account: actor }
}

/**
 * Who was refused; undefined: nobody with a name.
 * @param organization that was asked: elsewhere an organization's token is told with the name of its own, as labels are anybody's to choose
 */
export function refusedWho(
  { principal }: Authenticated,
  organization: string | undefined,
): Pick<Refused, 'userId' | 'actor' | 'account' | 'tokenId' | 'isProven'> | undefined {
  const tokenId = tokenIdOf(principal)
  switch (principal.kind) {
    case 'anonymous':
      return undefined
    case 'user':
      return { userId: principal.userId, ...asUser(principal.username), tokenId, isProven: true }
    case 'organization-token': {
      const { label, organization: own } = principal
      const actor = `token:${own.name === organization ? label : `${own.name}/${label}`}`
      return { userId: undefined, actor, account: `organization:${own.name}`, tokenId, isProven: true }
    }
  }
}

/** What was asked for when it was refused. */
export interface Attempt {
  /** Undefined: no organization's. */
  readonly organization: string | undefined
  readonly action: string
  readonly object: string
}

/**
 * The failure as a refused attempt of a known account: a 403, or credentials that named it. Undefined for everything else: what strangers
 * send without a name is in nobody's log, and a 401 that asks for credentials, or for a wider token, refuses nothing yet.
 * @param o.isHidden it is a refusal, whatever its code says: what the caller has no right to is absent to them
 */
export function refusedBy(
  error: unknown,
  on: { readonly request: Request; readonly server: unknown; readonly who: Authenticated | undefined },
  attempt: Attempt,
  o: { readonly isHidden?: boolean } = {},
): Refused | undefined {
  if (!isAppError(error)) return undefined
  const from = {
    address: clientAddress(on.request, on.server),
    requestId: requestIdOf(on.request),
    organization: attempt.organization,
    code: error.code,
  }
  const named = findRefusedSubject(error)
  if (named !== undefined) {
    if ('organization' in named) return { ...from, ...refusedTokenOf(named) }
    const { userId, username, tokenId, isProven } = named
    const who = asUser(username)
    return { ...from, userId, ...who, tokenId, isProven, action: 'login', object: who.actor }
  }
  if (on.who === undefined || (error.code !== 'DENIED' && o.isHidden !== true)) return undefined
  const who = refusedWho(on.who, attempt.organization)
  const { action, object } = attempt
  return who && { ...from, ...who, action, object }
}

/** Told to the organization whose token it is, whatever was asked for. */
function refusedTokenOf({ organization, label, tokenId }: RefusedToken) {
  const account = `organization:${organization}`
  const who = { userId: undefined, actor: `token:${label}`, account, tokenId, isProven: true }
  return { ...who, organization, action: 'login', object: `token:${tokenId}` }
}
