/** Rights at the edge: the decisions of `access/rights.ts`, a refusal thrown as its error. */

import type { InstanceAction, OrganizationAction, OwnAction } from '../../access/authorize.ts'
import { findHookUpstream } from '../../access/hooks.ts'
import { type OpenInvitation, readInvitation } from '../../access/invitations.ts'
import { type Authenticated, actorOf, type From, type UserPrincipal } from '../../access/principal.ts'
import type { Authenticator, SignIn } from '../../access/prompts.ts'
import {
  decideAcross,
  decideInstance,
  decideOrganization,
  decideRepository,
  type InstanceGrant,
  type OrganizationGrant,
  type OwnOrganization,
  type Refusal,
  type RepositoryAction,
  type RepositoryGrant,
  viewerOf,
} from '../../access/rights.ts'
import type { Setup } from '../../access/setup.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { Viewer } from '../../db/people/visible-repositories.ts'
import type { OrganizationRow, RepositoryRow, UpstreamRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { parseRepositoryName, type RepositoryName, splitRepositoryName } from '../../oci/reference.ts'
import type { Attempt } from '../request-context.ts'

declare const decided: unique symbol

/** What a decision of this file gave: no route is served without one (`route.ts`), and nothing else makes one. */
export type Granted<T extends object = object> = T & { readonly [decided]: true }

function grant<T extends object>(facts: T): Granted<T> {
  return facts as Granted<T>
}

/** Notes on errors of this file what was decided, for the audit log. */
const refusedActions = new WeakMap<Error, Attempt>()

/** What was refused; undefined for an error that no decision has made. */
export function findRefusedAction(error: unknown): Attempt | undefined {
  return error instanceof Error ? refusedActions.get(error) : undefined
}

function refusal(reason: Refusal, what: string, attempt: Attempt): AppError {
  const error = refusalError(reason, what)
  refusedActions.set(error, attempt)
  return error
}

/** The error, as one that tells of absence to whoever lacks the right. */
export function asRefusal(error: AppError, attempt: Attempt): AppError {
  refusedActions.set(error, attempt)
  return error
}

function refusalError({ reason }: Refusal, what: string): AppError {
  switch (reason) {
    case 'unauthenticated':
      return new AppError('UNAUTHORIZED', `sign in to ${what}`)
    case 'insufficient_scope':
      return new AppError(
        'DENIED',
        `a bearer token of the registry does not serve to ${what}: use a personal access token`,
      )
    case 'denied':
      return new AppError('DENIED', `you may not ${what}`)
  }
}

/** @throws AppError UNAUTHORIZED, DENIED */
export async function allowInOrganization(
  db: Database,
  who: Authenticated,
  organization: string,
  action: OrganizationAction,
  what: string,
): Promise<Granted<Omit<OrganizationGrant, 'allowed'>>> {
  const decision = await decideOrganization(db.read, who, organization, action)
  if (!decision.allowed) {
    throw refusal(decision, `${what} in ${organization}`, { organization, action, object: organization })
  }
  return grant(decision)
}

/** For an answer that tells each caller what they may hear of; only beside a decision. */
export async function mayInOrganization(
  db: Database,
  who: Authenticated,
  organization: string,
  action: OrganizationAction,
): Promise<boolean> {
  return (await decideOrganization(db.read, who, organization, action)).allowed
}

/**
 * The organizations that a list is about: the one named, else all that the caller is a member of and may do `action` in.
 * @throws AppError UNAUTHORIZED, DENIED
 */
export async function allowAcross(
  db: Database,
  who: Authenticated,
  named: string | undefined,
  action: OrganizationAction,
): Promise<Granted<{ readonly organizations: readonly OwnOrganization[]; readonly isOperator: boolean }>> {
  if (named !== undefined) {
    const { organization, role, seesAll } = await allowInOrganization(db, who, named, action, 'look')
    return grant({ organizations: [{ ...organization, role, seesAll }], isOperator: false })
  }
  const decision = await decideAcross(db.read, who, action)
  if (decision.allowed) return grant(decision)
  throw refusal(decision, 'look at anything', { organization: undefined, action, object: '*' })
}

const LISTED = {
  repositories: ['organization.read', 'repository.pull'],
  mirrors: ['mirror.list', 'mirror.read'],
  replications: ['mirror.list', 'replication.read'],
} as const

/** The same for a list of repositories, of mirrors or of replications: with the eyes that it is for. @throws AppError UNAUTHORIZED, DENIED */
export async function allowList(
  db: Database,
  who: Authenticated,
  named: string | undefined,
  of: 'repositories' | 'mirrors' | 'replications',
): Promise<
  Granted<{
    readonly organizations: readonly OrganizationRow[]
    readonly isOperator: boolean
    readonly viewer: Viewer
  }>
> {
  const [list, show] = LISTED[of]
  const granted = await allowAcross(db, who, named, list)
  return grant({ ...granted, viewer: await viewerOf(db.read, who, show) })
}

/** @throws AppError UNAUTHORIZED, DENIED */
export async function allowOnInstance(
  db: Database,
  who: Authenticated,
  action: InstanceAction | OwnAction,
  what: string,
): Promise<Granted<InstanceGrant>> {
  const decision = await decideInstance(db.read, who, action)
  if (!decision.allowed) throw refusal(decision, what, { organization: undefined, action, object: '*' })
  return grant(decision)
}

/**
 * A repository's name, whether or not it is there.
 * @param what words for the action, for a refusal
 * @throws AppError UNAUTHORIZED, DENIED
 */
export async function allowOnName(
  db: Database,
  who: Authenticated,
  name: RepositoryName,
  action: RepositoryAction,
  what: string = action === 'admin' ? 'administer' : action,
): Promise<Granted<RepositoryGrant>> {
  const decision = await decideRepository(db.read, who, name, action)
  if (decision.allowed) return grant(decision)
  // What a bearer token does not carry tells nothing about its subject's other rights.
  const isNarrow = who.access !== undefined && decision.reason === 'denied'
  throw refusal(isNarrow ? { allowed: false, reason: 'insufficient_scope' } : decision, `${what} ${name}`, {
    organization: splitRepositoryName(name)?.organization,
    action: `repository.${action}`,
    object: name,
  })
}

/** The repository inside one's own grants. @throws AppError UNAUTHORIZED, DENIED, NOT_FOUND */
export async function allowOnRepository(
  db: Database,
  who: Authenticated,
  name: RepositoryName,
  action: RepositoryAction,
  what?: string,
): Promise<Granted<{ readonly organization: OrganizationRow; readonly repository: RepositoryRow }>> {
  const { organization, repository } = await allowOnName(db, who, name, action, what)
  if (repository === undefined)
    throw new AppError('NOT_FOUND', `there is no repository ${name}`, {
      about: { reason: 'absent', what: 'repository', name },
    })
  return grant({ organization, repository })
}

/**
 * Webhooks of a repository (its admins), or of an organization (owners).
 * @throws AppError UNAUTHORIZED, DENIED, NOT_FOUND
 */
export async function allowOnWebhooks(
  db: Database,
  who: Authenticated,
  of: { readonly organization: string; readonly name?: string | undefined },
  verb: 'read' | 'manage',
): Promise<Granted<{ readonly organization: OrganizationRow; readonly repository: RepositoryRow | undefined }>> {
  const { name } = of
  const what = `${verb === 'read' ? 'see' : 'manage'} webhooks`
  if (name === undefined) {
    const { organization } = await allowInOrganization(db, who, of.organization, `organization-webhook.${verb}`, what)
    return grant({ organization, repository: undefined })
  }
  return allowOnRepository(db, who, nameOf({ organization: of.organization, name }), `webhook.${verb}`)
}

/**
 * For a list of webhooks: those of repositories whose webhooks the caller sees, and those of whole organizations (`wholes`) to their owners.
 * @throws AppError UNAUTHORIZED, DENIED
 */
export async function allowWebhookList(
  db: Database,
  who: Authenticated,
  named: string | undefined,
): Promise<
  Granted<{
    readonly organizations: readonly OrganizationRow[]
    readonly wholes: ReadonlySet<string>
    readonly viewer: Viewer
  }>
> {
  const { organizations } = await allowAcross(db, who, named, 'organization.read')
  const own = 'organization-webhook.read'
  const whole = named === undefined ? await decideAcross(db.read, who, own) : undefined
  const one = named === undefined ? undefined : await decideOrganization(db.read, who, named, own)
  const wholes = [
    ...(whole?.allowed ? whole.organizations.map(({ id }) => id) : []),
    ...(one?.allowed ? [one.organization.id] : []),
  ]
  return grant({ organizations, wholes: new Set(wholes), viewer: await viewerOf(db.read, who, 'webhook.read') })
}

/** Whoever knows the `callback_url` of a delivery may say what became of it, and nothing else. @returns undefined: it is none */
export function allowCallback(
  callbacks: { idOf(token: string): string | undefined },
  token: string,
): Granted<{ readonly deliveryId: string }> | undefined {
  const deliveryId = callbacks.idOf(token)
  return deliveryId === undefined ? undefined : grant({ deliveryId })
}

/** Whoever knows the address of an upstream's hook may speak for the upstream, and do nothing else. @returns undefined: it is none */
export async function allowHook(
  db: Database,
  secret: string,
): Promise<Granted<{ readonly upstream: UpstreamRow }> | undefined> {
  const upstream = await findHookUpstream(db, secret)
  return upstream === undefined ? undefined : grant({ upstream })
}

/** Whoever knows the link of an invitation may see what it invites to, and use it. @throws AppError NOT_FOUND */
export async function allowInvitation(
  db: Database,
  secret: string,
  now: Date,
): Promise<Granted<{ readonly invitation: OpenInvitation }>> {
  return grant({ invitation: await readInvitation(db.read, secret, now) })
}

/** Whoever knows the printed code may make the first owner. @throws AppError DENIED, TOOMANYREQUESTS */
export async function allowSetup(
  setup: Pick<Setup, 'check'>,
  code: string,
  network: string,
): Promise<Granted<{ readonly network: string }>> {
  await setup.check(code, network)
  return grant({ network })
}

/** Whoever knows a password (and has the second factor) may open a session. @throws AppError UNAUTHORIZED, TOOMANYREQUESTS */
export async function allowSignIn(
  authenticator: Authenticator,
  o: SignIn,
  from: From,
): Promise<Granted<UserPrincipal>> {
  return grant(await authenticator.signIn(o, from))
}

/** Whoever asks, as this is how one gets credentials at all: what was sent decides, and says nothing to who sent the wrong thing. */
export async function allowAnybody(): Promise<Granted> {
  return grant({})
}

/** `organization/name` of a path's two parameters. @throws AppError NAME_INVALID */
export function nameOf(path: { readonly organization: string; readonly name: string }): RepositoryName {
  return parseRepositoryName(`${path.organization}/${path.name}`)
}

/** Whose eyes see the accounts of others. Only after a decision. */
export function callerOf({ principal }: Authenticated): UserPrincipal {
  if (principal.kind === 'user') return principal
  throw new Error('a decision was made for an anonymous caller')
}

export { actorOf }
