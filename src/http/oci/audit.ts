/** What the audit log tells of `/v2`: content that clients delete, repositories that a first push makes, and what was refused. */
import type { Authenticated } from '../../access/principal.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { contentState, repositoryState, tagState } from '../../db/mirrors/audit-states.ts'
import type { AuditedChange } from '../../db/platform/audited-change.ts'
import { findRepositoryName, splitRepositoryName } from '../../oci/reference.ts'
import { refusedBy } from '../request-context.ts'
import type { Granted, GrantedPresent, Need } from './authorize.ts'
import type { Call, OciDependencies, ServerHandle } from './call.ts'
import type { Route } from './route.ts'

/** Undefined: the repository is there already, and what is pushed there stands in the history of its tags. */
export function repositoryMade(_call: Call, { name, organization, repository }: Granted): AuditedChange | undefined {
  if (repository !== undefined) return undefined
  const watched = [{ action: 'repository.create', read: (db: Queries) => repositoryState(db, name) }]
  return { organization: organization.name, object: name, watched }
}

export function contentRemoved({ route }: Call, { name, organization }: GrantedPresent): AuditedChange {
  const isDigest = route.last.includes(':')
  const read = (db: Queries) => (isDigest ? contentState : tagState)(db, name, route.last)
  const action = isDigest ? `${route.kind}.delete` : 'tag.delete'
  return {
    organization: organization.name,
    object: `${name}${isDigest ? '@' : ':'}${route.last}`,
    watched: [{ action, read }],
  }
}

export function noteRefused(
  deps: OciDependencies,
  error: unknown,
  o: {
    readonly request: Request
    readonly server: ServerHandle | undefined
    readonly who: Authenticated | undefined
    readonly route: Route
    readonly needs: Need
  },
): void {
  const name = findRepositoryName(o.route.name)
  const refused = refusedBy(error, o, {
    organization: name === undefined ? undefined : splitRepositoryName(name)?.organization,
    action: `repository.${o.needs}`,
    object: name ?? '*',
  })
  if (refused !== undefined) deps.refusals.note(refused)
}
