/** Repositories and their settings, as people manage them. */
import type { Database } from '../db/engine/engine.ts'
import { changeRepository, deleteRepository, type RepositoryChange } from '../db/mirrors/repository-settings.ts'
import { createRepository } from '../db/repositories/repositories.ts'
import type { OrganizationRow, RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import type { RepositoryName } from '../oci/reference.ts'
import { findPatternFault } from '../oci/tag-patterns.ts'

export type Settings = RepositoryChange

/** @throws AppError CONFLICT when it is there already, INVALID_REQUEST for a pattern that does not compile, or costs too much */
export async function createWithSettings(
  db: Database,
  organization: OrganizationRow,
  name: RepositoryName,
  settings: Settings,
  actor: string,
): Promise<RepositoryRow> {
  checkPatterns(settings)
  const at = isoTime(systemClock.now())
  return db.write(async (tx) => {
    const { row, isNew } = await createRepository(tx, { organizationId: organization.id, name, actor, at })
    if (!isNew)
      throw new AppError('CONFLICT', `there is a repository ${name} already`, {
        about: { reason: 'taken', what: 'repository', name },
      })
    const isPlain = Object.values(settings).every((value) => value === undefined)
    return isPlain ? row : changeRepository(tx, row, settings, { actor, at })
  })
}

/** @throws AppError INVALID_REQUEST for a pattern that does not compile, or costs too much */
export async function changeSettings(
  db: Database,
  repository: RepositoryRow,
  settings: Settings,
  actor: string,
): Promise<RepositoryRow> {
  checkPatterns(settings)
  const at = isoTime(systemClock.now())
  return db.write((tx) => changeRepository(tx, repository, settings, { actor, at }))
}

/** Deletes the repository; its content is collected once nothing else links it. */
export async function removeRepository(db: Database, repository: RepositoryRow, actor: string): Promise<void> {
  const at = isoTime(systemClock.now())
  await db.write((tx) => deleteRepository(tx, repository, { actor, at }))
}

function checkPatterns({ immutablePatterns = [] }: Settings): void {
  const fault = findPatternFault(immutablePatterns)
  if (fault !== undefined)
    throw new AppError('INVALID_REQUEST', `immutableTags: ${fault}`, {
      about: { reason: 'invalid', where: 'immutableTags' },
    })
}
