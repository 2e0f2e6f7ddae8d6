/**
 * Decisions about rights. Each reads the database at the very call, so a revoked grant or token refuses the next request.
 * Invariant 7: a refusal depends on the organization's name and one's grants only, never on what exists there.
 */
import type { Queries } from '../db/engine/engine.ts'
import type { JudgedFacts } from '../db/people/judged.ts'
import { findOrganizationById, listOrganizationsOf } from '../db/people/organizations.ts'
import {
  type OrganizationTokenFacts,
  type RepositoryFacts,
  readOrganizationFacts,
  readRepositoryFacts,
  readSubjectFacts,
  type Subject,
  type SubjectFacts,
} from '../db/people/rights.ts'
import type { Viewer } from '../db/people/visible-repositories.ts'
import type { OrganizationRow, RepositoryRow, Role, TokenScope } from '../db/schema.ts'
import { fullPattern, isWholeOrganization, likeOf, matchesPattern } from '../oci/access-patterns.ts'
import { type RepositoryName, splitRepositoryName } from '../oci/reference.ts'
import {
  type Action,
  authorize,
  type Facts,
  type InstanceAction,
  type OrganizationAction,
  type OwnAction,
  type Reach,
} from './authorize.ts'
import type { AccessAction, Authenticated, Claimed } from './principal.ts'

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
  /** Undefined: not a member, reading a public repository; or a token of the organization. */
  readonly role: Role | undefined
}

export type RepositoryDecision = RepositoryGrant | Refusal

export interface OrganizationGrant {
  readonly allowed: true
  readonly organization: OrganizationRow
  readonly role: Role | undefined
  /** All repositories there, or an operator: numbers over all of them are no secret. */
  readonly seesAll: boolean
}

export type OrganizationDecision = OrganizationGrant | Refusal

export interface InstanceGrant {
  readonly allowed: true
  readonly userId: string
  readonly username: string
  readonly isOperator: boolean
}

export type InstanceDecision = InstanceGrant | Refusal

export type OwnOrganization = OrganizationRow & {
  readonly role: Role | undefined
  /** See OrganizationGrant. */
  readonly seesAll: boolean
}

/** All organizations of the caller in which the action is allowed. */
export type AcrossDecision =
  | {
      readonly allowed: true
      readonly isOperator: boolean
      readonly organizations: readonly OwnOrganization[]
    }
  | Refusal

/** What may be asked about one repository. The short ones are `repository.…`; the registry's own tokens carry the first three. */
export type RepositoryAction =
  | 'pull'
  | 'push'
  | 'delete'
  | 'admin'
  | 'history'
  | 'audit'
  | 'create'
  | 'grant'
  | 'tag.delete'
  | `mirror.${'read' | 'sync' | 'start' | 'stop'}`
  | `replication.${'read' | 'sync' | 'start' | 'stop'}`
  | `webhook.${'read' | 'manage'}`

const CARRIED: ReadonlySet<string> = new Set(['pull', 'push', 'delete'] satisfies RepositoryAction[])

function claimOf(action: RepositoryAction): AccessAction {
  return CARRIED.has(action) ? (action as AccessAction) : '*'
}

function isFull(action: RepositoryAction): action is Extract<RepositoryAction, Action> {
  return action.includes('.')
}

function actionOf(action: RepositoryAction): Action {
  return isFull(action) ? action : `repository.${action}`
}

/** Whether a bearer token's cap includes the action; no cap includes all. */
function capIncludes(who: Claimed, type: 'repository' | 'registry', name: string, action: AccessAction): boolean {
  if (who.access === undefined) return true
  return who.access.some(
    (entry) =>
      entry.type === type && entry.name === name && (entry.actions.includes(action) || entry.actions.includes('*')),
  )
}

export function subjectOf({ principal }: Claimed): Subject | undefined {
  switch (principal.kind) {
    case 'anonymous':
      return undefined
    case 'user':
      return { userId: principal.userId, tokenId: principal.token?.id }
    case 'organization-token':
      return { organizationTokenId: principal.tokenId }
  }
}

const refuse = (reason: RefusalReason): Refusal => ({ allowed: false, reason })

/** Whether an organization's token serves now. */
function isUsable(token: OrganizationTokenFacts | undefined, now: Date): token is OrganizationTokenFacts {
  if (token === undefined || !token.isActive) return false
  return token.expiresAt === null || token.expiresAt > now.toISOString()
}

/** As whom the request is judged now. */
type Caller =
  | { readonly scope: TokenScope | undefined; readonly token?: undefined }
  | { readonly scope?: undefined; readonly token: OrganizationTokenFacts }

/** Undefined when the user or token is no longer valid. */
function currentCaller(who: Claimed, facts: SubjectFacts, now: Date): Caller | undefined {
  const { principal } = who
  if (principal.kind === 'organization-token') {
    return isUsable(facts.organizationToken, now) ? { token: facts.organizationToken } : undefined
  }
  if (principal.kind === 'anonymous' || !facts.userExists) return undefined
  if (principal.token === undefined) return { scope: undefined }
  if (facts.token === undefined || (facts.token.expiresAt !== null && facts.token.expiresAt <= now.toISOString())) {
    return undefined
  }
  return { scope: facts.token.scope }
}

/** @param name undefined: no repository is asked about, so that naming some is not enough */
function reachOf(
  token: OrganizationTokenFacts,
  organization: JudgedFacts['organization'],
  name: RepositoryName | undefined,
): Reach {
  if (organization === undefined || token.organizationId !== organization.id) return 'nothing'
  const isNamed = (text: string) => name !== undefined && matchesPattern(fullPattern(organization.name, text), name)
  if (token.repositories.some((text) => isWholeOrganization(organization.name, text))) return 'everything'
  return token.repositories.some(isNamed) ? 'repository' : 'organization'
}

function factsOf(
  caller: Caller | undefined,
  facts: Pick<JudgedFacts, 'organization' | 'role' | 'managesMirrors'> & Partial<Pick<JudgedFacts, 'teamPermission'>>,
  name: RepositoryName | undefined,
): Facts {
  const { organization, role, managesMirrors, teamPermission: team } = facts
  if (caller?.token !== undefined) {
    const { allow } = caller.token
    return { token: { allow, reach: reachOf(caller.token, organization, name) } }
  }
  return { role, membersPull: organization?.members_pull, team, managesMirrors, scope: caller?.scope }
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
  const reason = findRefusal(who, facts, name, action, now)
  const { organization, repository, role } = facts
  if (reason !== undefined || organization === undefined) return refuse(reason ?? 'denied')
  return { allowed: true, organization, repository, role }
}

/** Whether a caller of these facts may pull the repository: as `decideRepository` would say it of them. */
export function mayPull(who: Claimed, facts: JudgedFacts, name: RepositoryName, now: Date): boolean {
  return findRefusal(who, facts, name, 'pull', now) === undefined
}

/** Undefined: it is granted. */
function findRefusal(
  who: Claimed,
  facts: JudgedFacts,
  name: RepositoryName,
  action: RepositoryAction,
  now: Date,
): RefusalReason | undefined {
  const isAnonymous = who.principal.kind === 'anonymous'
  const caller = currentCaller(who, facts, now)
  if (!isAnonymous && caller === undefined) return 'unauthenticated'
  const { organization, repository } = facts
  const asked = { ...factsOf(caller, facts, name), isPublic: repository?.visibility === 'public' }
  const granted =
    organization !== undefined &&
    authorize(asked, actionOf(action)) &&
    (action !== 'push' || repository !== undefined || authorize(asked, 'repository.create'))
  if (!granted) return isAnonymous ? 'unauthenticated' : 'denied'
  return capIncludes(who, 'repository', name, claimOf(action)) ? undefined : 'insufficient_scope'
}

/**
 * May the caller do this in the organization, now? An organization that is not there is `denied` to everybody. Where the action is on a
 * repository, this is whether they may on each of the organization's: one alone is asked about by itself.
 */
export async function decideOrganization(
  db: Queries,
  who: Authenticated,
  organizationName: string,
  action: OrganizationAction,
  now = new Date(),
): Promise<OrganizationDecision> {
  const facts = await readOrganizationFacts(db, subjectOf(who), organizationName)
  const caller = currentCaller(who, facts, now)
  if (caller === undefined) return refuse('unauthenticated')
  // First, so that a bearer token that fell into other hands does not tell what its subject may do elsewhere.
  if (who.access !== undefined) return refuse('insufficient_scope')
  const { organization, role } = facts
  const asked = { ...factsOf(caller, facts, undefined), isOperator: facts.isOperator }
  if (organization === undefined || !authorize(asked, action)) return refuse('denied')
  return { allowed: true, organization, role, seesAll: facts.isOperator || seesAllOf(asked) }
}

/** No team is asked about: whoever may pull without one may pull all. */
function seesAllOf(asked: Facts): boolean {
  return (asked.token === undefined || asked.token.reach === 'everything') && authorize(asked, 'repository.history')
}

/** May the caller do this on the instance, or to what is their own, now? An organization's token may nothing there. */
export async function decideInstance(
  db: Queries,
  who: Authenticated,
  action: InstanceAction | OwnAction,
  now = new Date(),
): Promise<InstanceDecision> {
  const facts = await readSubjectFacts(db, subjectOf(who))
  const caller = currentCaller(who, facts, now)
  if (caller === undefined || who.principal.kind === 'anonymous') return refuse('unauthenticated')
  if (who.access !== undefined) return refuse('insufficient_scope')
  if (who.principal.kind === 'organization-token') return refuse('denied')
  const asked = { isOperator: facts.isOperator, isOwn: true, scope: caller.scope }
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
  const caller = currentCaller(who, facts, now)
  if (caller === undefined) return refuse('unauthenticated')
  if (who.access !== undefined) return refuse('insufficient_scope')
  if (caller.token !== undefined) return acrossOfToken(db, caller.token, action)
  const { principal } = who
  if (principal.kind !== 'user') return refuse('unauthenticated')
  const { scope } = caller
  const own = await listOrganizationsOf(db, principal.userId, { limit: MAX_OWN })
  const organizations = own.flatMap(({ managesMirrors, ...row }) => {
    const asked = { role: row.role, membersPull: row.members_pull, managesMirrors, scope }
    return authorize(asked, action) ? [{ ...row, seesAll: seesAllOf(asked) }] : []
  })
  if (own.length > 0 && organizations.length === 0) return refuse('denied')
  return { allowed: true, isOperator: facts.isOperator, organizations }
}

async function acrossOfToken(
  db: Queries,
  token: OrganizationTokenFacts,
  action: OrganizationAction,
): Promise<AcrossDecision> {
  const organization = await findOrganizationById(db, token.organizationId)
  const asked = { token: { allow: token.allow, reach: reachOf(token, organization, undefined) } }
  if (organization === undefined || !authorize(asked, action)) return refuse('denied')
  return {
    allowed: true,
    isOperator: false,
    organizations: [{ ...organization, role: undefined, seesAll: seesAllOf(asked) }],
  }
}

/**
 * For lists of repositories, or of their mirrors: whose eyes they are for, now. What such a list shows is what `action` is allowed on
 * (`test/access/lists.test.ts`).
 */
export async function viewerOf(
  db: Queries,
  who: Authenticated,
  action: 'repository.pull' | 'repository.history' | 'mirror.read' | 'replication.read' | 'webhook.read',
  now = new Date(),
): Promise<Viewer> {
  const isPublicSeen = action === 'repository.pull'
  const isManagerSeen = action === 'mirror.read' || action === 'replication.read'
  const isForAdmins = action === 'webhook.read'
  const { principal } = who
  if (principal.kind === 'anonymous') return { kind: 'anybody', isPublicSeen }
  if (principal.kind === 'user') {
    return { kind: 'user', userId: principal.userId, isPublicSeen, isManagerSeen, isForAdmins }
  }
  const { organizationToken: token } = await readSubjectFacts(db, subjectOf(who))
  const { organization } = principal
  const isAllowed = isUsable(token, now) && authorize({ token: { allow: token.allow, reach: 'repository' } }, action)
  if (!isAllowed) return { kind: 'anybody', isPublicSeen: false }
  const patterns = token.repositories.map((text) => likeOf(fullPattern(organization.name, text)))
  return { kind: 'token', organizationId: organization.id, patterns, isPublicSeen }
}

/**
 * What each way of being somebody there gives on a repository of its own, without what makes it public: roles (of plain members, without
 * a team), permissions and mirrors of teams, rights of tokens.
 */
export function listGrantedActions<A extends RepositoryAction>(facts: Facts, actions: readonly A[]): A[] {
  return actions.filter((action) => authorize(facts, actionOf(action)))
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
