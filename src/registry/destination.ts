import type { Transaction } from '../db/engine/engine.ts'
import { createRepository } from '../db/repositories/repositories.ts'
import type { OrganizationRow, RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { RepositoryName } from '../oci/reference.ts'

/** Where a write goes, and who does it. The caller has been authorized to push there, and to create it when it is not there. */
export interface Destination {
  readonly organization: OrganizationRow
  readonly name: RepositoryName
  /** Who stands in history and events, e.g. `user:<name>`. */
  readonly actor: string
}

/**
 * The repository of a write, read or made inside the write's own transaction: so a refused write makes none, and settings
 * that changed since the request began count.
 * @throws AppError DENIED when it is archived
 */
export async function openDestination(tx: Transaction, destination: Destination, at: string): Promise<RepositoryRow> {
  const { organization, name, actor } = destination
  const { row } = await createRepository(tx, { organizationId: organization.id, name, actor, at })
  refuseArchived(row)
  return row
}

/** @throws AppError DENIED: archived repositories are read-only */
export function refuseArchived(repository: RepositoryRow): void {
  if (repository.archived_at === null) return
  throw new AppError(
    'DENIED',
    `repository ${repository.name} is archived since ${repository.archived_at} and read-only: restore it to change it`,
    { about: { reason: 'archived', what: 'repository', name: repository.name } },
  )
}

/** Who did it, as people read it: `user:ada` is ada. */
export function nameOfActor(actor: string): string {
  return actor.replace(/^user:/, '')
}
