/** Rights at the edge: the decisions of `access/rights.ts`, a refusal thrown as its error. */
import type { InstanceAction, OrganizationAction } from '../../access/authorize.ts'
import type { Authenticated } from '../../access/principal.ts'
import {
  decideInstance,
  decideOrganization,
  decideRepository,
  type Refusal,
  type RepositoryAction,
} from '../../access/rights.ts'
import type { Database } from '../../db/engine.ts'
import type { OrganizationRow, RepositoryRow, Role } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/reference.ts'

function refusal({ reason }: Refusal, what: string): AppError {
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
): Promise<{ organization: OrganizationRow; role: Role | undefined }> {
  const decision = await decideOrganization(db.read, who, organization, action)
  if (!decision.allowed) throw refusal(decision, `${what} in ${organization}`)
  return decision
}

/** @returns the user's id @throws AppError UNAUTHORIZED, DENIED */
export async function allowOnInstance(
  db: Database,
  who: Authenticated,
  action: InstanceAction | 'token.manage',
  what: string,
): Promise<string> {
  const decision = await decideInstance(db.read, who, action)
  if (!decision.allowed) throw refusal(decision, what)
  return decision.userId
}

/** The repository inside one's own grants. @throws AppError UNAUTHORIZED, DENIED, NOT_FOUND */
export async function allowOnRepository(
  db: Database,
  who: Authenticated,
  name: RepositoryName,
  action: RepositoryAction,
): Promise<{ organization: OrganizationRow; repository: RepositoryRow }> {
  const decision = await decideRepository(db.read, who, name, action)
  if (!decision.allowed) throw refusal(decision, `${action} ${name}`)
  const { organization, repository } = decision
  if (repository === undefined) throw new AppError('NOT_FOUND', `there is no repository ${name}`)
  return { organization, repository }
}

/** `organization/name` of a path's two parameters. @throws AppError NAME_INVALID */
export function nameOf(path: { readonly organization: string; readonly name: string }): RepositoryName {
  return parseRepositoryName(`${path.organization}/${path.name}`)
}

/** Who did it, as events and history name them. */
export function actorOf(who: Authenticated): string {
  return who.principal.kind === 'user' ? `user:${who.principal.username}` : 'anonymous'
}

/** The user who is asking. @throws AppError UNAUTHORIZED for anonymous callers */
export function userOf(who: Authenticated): { userId: string; username: string; isOperator: boolean } {
  if (who.principal.kind === 'user') return who.principal
  throw new AppError('UNAUTHORIZED', 'sign in first')
}
