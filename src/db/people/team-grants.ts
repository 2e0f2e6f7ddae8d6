/** What teams are granted: a permission on a repository's name, or on a pattern over names. */
import { AppError } from '../../errors.ts'
import { isPattern, likeOf } from '../../oci/access-patterns.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { TeamGrantRow, TeamPermission } from '../schema.ts'
import type { Page } from './organizations.ts'
import { requireTeam } from './teams.ts'

/** Of one organization, all teams together: a decision may look at each of them. */
export const MAX_PATTERNS = 1000
/** Names of one team; they are found by their key. */
export const MAX_NAMES = 10_000

/**
 * Grants, or changes what is granted on the same name or pattern.
 * @param o.repository full name or pattern (`oci/access-patterns.ts`), whether or not anything of that name is there
 * @throws AppError CONFLICT when there are too many, NOT_FOUND when there is no such team
 */
export async function grantToTeam(
  tx: Transaction,
  o: {
    readonly organizationId: string
    readonly teamId: string
    readonly repository: string
    readonly permission: TeamPermission
    readonly at: string
    /** The repository has to be there: whoever may grant on nothing else must not leave a grant on what comes later by its name. */
    readonly isPresent?: boolean
  },
): Promise<void> {
  const { repository, permission } = o
  await requireTeam(tx, o.teamId)
  if (o.isPresent) await requireRepository(tx, repository)
  await tx
    .insertInto('team_grants')
    .values({
      team_id: o.teamId,
      is_pattern: isPattern(repository) ? 1 : 0,
      repository,
      matches: likeOf(repository),
      permission,
      created_at: o.at,
    })
    .onConflict((conflict) => conflict.columns(['team_id', 'is_pattern', 'repository']).doUpdateSet({ permission }))
    .execute()
  await keepWithinLimits(tx, o.organizationId, o.teamId)
}

/** It may have been deleted since it was decided about. @throws AppError NOT_FOUND */
async function requireRepository(tx: Transaction, name: string): Promise<void> {
  const row = await tx.selectFrom('repositories').select('id').where('name', '=', name).executeTakeFirst()
  if (row === undefined)
    throw new AppError('NOT_FOUND', 'the repository was deleted just now', {
      about: { reason: 'absent', what: 'repository' },
    })
}

async function keepWithinLimits(tx: Transaction, organizationId: string, teamId: string): Promise<void> {
  const grants = tx
    .selectFrom('team_grants')
    .innerJoin('teams', 'teams.id', 'team_grants.team_id')
    .select((eb) => eb.fn.countAll<number>().as('number'))
    .where('teams.organization_id', '=', organizationId)
  const patterns = await grants.where('is_pattern', '=', 1).executeTakeFirstOrThrow()
  if (Number(patterns.number) > MAX_PATTERNS) {
    throw new AppError('CONFLICT', `the teams of the organization are granted ${MAX_PATTERNS} patterns already`, {
      about: { reason: 'full', what: 'grant', most: MAX_PATTERNS },
    })
  }
  const names = await grants.where('is_pattern', '=', 0).where('teams.id', '=', teamId).executeTakeFirstOrThrow()
  if (Number(names.number) > MAX_NAMES) {
    throw new AppError('CONFLICT', `the team is granted ${MAX_NAMES} repositories by name already: use a pattern`, {
      about: { reason: 'full', what: 'grant', most: MAX_NAMES },
    })
  }
}

/** @param repository as it was granted, in full @returns false when there is no such grant */
export async function revokeFromTeam(tx: Transaction, teamId: string, repository: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('team_grants')
    .where('team_id', '=', teamId)
    .where('is_pattern', '=', isPattern(repository) ? 1 : 0)
    .where('repository', '=', repository)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

/** Grants on the name go with the repository: another one of that name is another thing. Patterns stay. */
export async function removeGrantsOn(tx: Transaction, repository: string): Promise<void> {
  await tx.deleteFrom('team_grants').where('repository', '=', repository).where('is_pattern', '=', 0).execute()
}

/** By name or pattern. */
export async function listGrants(db: Queries, teamId: string, page: Page): Promise<TeamGrantRow[]> {
  let query = db
    .selectFrom('team_grants')
    .selectAll()
    .where('team_id', '=', teamId)
    .orderBy('repository')
    .limit(page.limit)
  if (page.after !== undefined) query = query.where('repository', '>', page.after)
  return query.execute()
}
