/**
 * Decisions about rights. Each reads the database at the very call, so a revoked grant or token refuses the next request.
 * Invariant 7: a refusal depends on the organization's name and one's grants only, never on what exists there.
 */
import type { Queries } from '../db/engine/engine.ts'
import { listOrganizationsOf } from '../db/people/organizations.ts'
import {
  type RepositoryFacts,
  readOrganizationFacts,
  readRepositoryFacts,
  readSubjectFacts,
  type Subject,
  type SubjectFacts,
} from '../db/people/rights.ts'
import type { OrganizationRow, RepositoryRow, Role, TokenScope } from '../db/schema.ts'
import { type RepositoryName, splitRepositoryName } from '../oci/reference.ts'
import { type Action, authorize, type InstanceAction, type OrganizationAction, type OwnAction } from './authorize.ts'
import type { AccessAction, Authenticated } from './principal.ts'

/**
 * `unauthenticated`: no valid credential (401). `insufficient_scope`: the bearer token does not carry what its subject may
 * do (401, with the scope). `denied`: these credentials never may (403).
 */
export type RefusalReason = 'unauthenticated' | 'insufficient_scope' | 'denied'

export interface Refusal {
  readonly allowed: false
  readonly reason: RefusalReason
}

export interface RepositoryGrant {
  readonly allowed: true
  readonly organization: OrganizationRow
  /** Undefined: absent inside one's own grants (404 for a reader; a push may create it). */
  readonly repository: RepositoryRow | undefined
  /** Undefined: not a member, reading a public repository. */
  readonly role: Role | undefined
}

export type RepositoryDecision = RepositoryGrant | Refusal

export type OrganizationDecision =
  | { readonly allowed: true; readonly organization: OrganizationRow; readonly role: Role | undefined }
  | Refusal

export interface InstanceGrant {
  readonly allowed: true
  readonly userId: string
  readonly username: string
  readonly isOperator: boolean
}

export type InstanceDecision = InstanceGrant | Refusal

/** All organizations of the caller in which the action is allowed. */
export type AcrossDecision =
  | (InstanceGrant & { readonly organizations: readonly (OrganizationRow & { readonly role: Role })[] })
  | Refusal

export type RepositoryAction = 'pull' | 'push' | 'delete' | 'admin'

const CLAIMED: Record<RepositoryAction, AccessAction> = { pull: 'pull', push: 'push', delete: 'delete', admin: '*' }

/** Whether a bearer token's cap includes the action; no cap includes all. */
function capIncludes(who: Authenticated, type: 'repository' | 'registry', name: string, action: AccessAction): boolean {
  if (who.access === undefined) return true
  return who.access.some(
    (entry) =>
      entry.type === type && entry.name === name && (entry.actions.includes(action) || entry.actions.includes('*')),
  )
}

function subjectOf(who: Authenticated): Subject | undefined {
  if (who.principal.kind === 'anonymous') return undefined
  return { userId: who.principal.userId, tokenId: who.principal.token?.id }
}

const refuse = (reason: RefusalReason): Refusal => ({ allowed: false, reason })

/** The scope that caps this request now, or undefined when its user or token is no longer valid. */
function currentScope(
  who: Authenticated,
  facts: SubjectFacts,
  now: Date,
): { scope: TokenScope | undefined } | undefined {
  if (who.principal.kind === 'anonymous' || !facts.userExists) return undefined
  if (who.principal.token === undefined) return { scope: undefined }
  if (facts.token === undefined || (facts.token.expiresAt !== null && facts.token.expiresAt <= now.toISOString())) {
    return undefined
  }
  return { scope: facts.token.scope }
}

/**
 * May the caller do this to the repository `name`, now? An anonymous caller without a bearer token counts as one who may pull
 * what is public.
 * @param now only for tests
 */
export async function decideRepository(
  db: Queries,
  who: Authenticated,
  name: RepositoryName,
  action: RepositoryAction,
  now = new Date(),
): Promise<RepositoryDecision> {
  const facts = await readRepositoryFacts(db, subjectOf(who), organizationOf(name), name)
  return judgeRepository(who, facts, name, action, now)
}

/** Those of `actions` that the caller may do to the repository now, by one query. */
export async function listAllowedActions<A extends RepositoryAction>(
  db: Queries,
  who: Authenticated,
  name: RepositoryName,
  actions: readonly A[],
  now = new Date(),
): Promise<A[]> {
  const facts = await readRepositoryFacts(db, subjectOf(who), organizationOf(name), name)
  return actions.filter((action) => judgeRepository(who, facts, name, action, now).allowed)
}

/** No organization has the empty name. */
function organizationOf(name: RepositoryName): string {
  return splitRepositoryName(name)?.organization ?? ''
}

function judgeRepository(
  who: Authenticated,
  facts: RepositoryFacts,
  name: RepositoryName,
  action: RepositoryAction,
  now: Date,
): RepositoryDecision {
  const isAnonymous = who.principal.kind === 'anonymous'
  const current = currentScope(who, facts, now)
  if (!isAnonymous && current === undefined) return refuse('unauthenticated')
  const { organization, repository } = facts
  const asked = { role: facts.role, scope: current?.scope, isPublic: repository?.visibility === 'public' }
  const granted =
    organization !== undefined &&
    authorize(asked, `repository.${action}`) &&
    (action !== 'push' || repository !== undefined || authorize(asked, 'repository.create'))
  if (!granted) return refuse(isAnonymous ? 'unauthenticated' : 'denied')
  if (!capIncludes(who, 'repository', name, CLAIMED[action])) return refuse('insufficient_scope')
  return { allowed: true, organization, repository, role: facts.role }
}

/** May the caller do this in the organization, now? An organization that is not there is `denied` to everybody. */
export async function decideOrganization(
  db: Queries,
  who: Authenticated,
  organizationName: string,
  action: OrganizationAction,
  now = new Date(),
): Promise<OrganizationDecision> {
  const facts = await readOrganizationFacts(db, subjectOf(who), organizationName)
  const current = currentScope(who, facts, now)
  if (current === undefined) return refuse('unauthenticated')
  // First, so that a bearer token that fell into other hands does not tell what its subject may do elsewhere.
  if (who.access !== undefined) return refuse('insufficient_scope')
  const { organization, role, isOperator } = facts
  if (organization === undefined || !authorize({ role, isOperator, scope: current.scope }, action))
    return refuse('denied')
  return { allowed: true, organization, role }
}

/** May the caller do this on the instance, or to what is their own, now? */
export async function decideInstance(
  db: Queries,
  who: Authenticated,
  action: InstanceAction | OwnAction,
  now = new Date(),
): Promise<InstanceDecision> {
  const facts = await readSubjectFacts(db, subjectOf(who))
  const current = currentScope(who, facts, now)
  if (current === undefined || who.principal.kind === 'anonymous') return refuse('unauthenticated')
  if (who.access !== undefined) return refuse('insufficient_scope')
  const asked = { isOperator: facts.isOperator, isOwn: true, scope: current.scope }
  if (!authorize(asked, action satisfies Action)) return refuse('denied')
  const { userId, username } = who.principal
  return { allowed: true, userId, username, isOperator: facts.isOperator }
}

/** The most organizations of one user that a list without a filter looks at. */
const MAX_OWN = 10_000

/**
 * Where may the caller do this, now? Nowhere is no refusal for a user of no organization: their lists are empty. It is one for
 * credentials that are too narrow everywhere.
 */
export async function decideAcross(
  db: Queries,
  who: Authenticated,
  action: OrganizationAction,
  now = new Date(),
): Promise<AcrossDecision> {
  const facts = await readSubjectFacts(db, subjectOf(who))
  const current = currentScope(who, facts, now)
  if (current === undefined || who.principal.kind === 'anonymous') return refuse('unauthenticated')
  if (who.access !== undefined) return refuse('insufficient_scope')
  const { userId, username } = who.principal
  const own = await listOrganizationsOf(db, userId, { limit: MAX_OWN })
  const organizations = own.filter(({ role }) => authorize({ role, scope: current.scope }, action))
  if (own.length > 0 && organizations.length === 0) return refuse('denied')
  return { allowed: true, userId, username, isOperator: facts.isOperator, organizations }
}

/** May the caller list all repositories that they may read (`_catalog`)? A bearer token must carry `registry:catalog:*`. */
export function decideCatalog(who: Authenticated): { readonly allowed: true } | Refusal {
  if (who.principal.kind === 'anonymous' && who.access === undefined) return refuse('unauthenticated')
  return capIncludes(who, 'registry', 'catalog', '*') ? { allowed: true } : refuse('insufficient_scope')
}

/** May the caller know that a registry is here (`/v2/`)? With any valid token, an anonymous one too. */
export function decideBase(who: Authenticated): { readonly allowed: true } | Refusal {
  if (who.principal.kind === 'anonymous' && who.access === undefined) return refuse('unauthenticated')
  return { allowed: true }
}
