/** Through what people and machines reach one repository. */
import { sql } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import type { Role, TeamPermission, TokenRight } from '../schema.ts'
import { tokenLists } from './organization-tokens.ts'

/** A team, and what it is granted that takes in the repository. */
export interface ReachingTeam {
  readonly id: string
  readonly name: string
  readonly managesMirrors: boolean
  readonly members: number
  readonly grants: readonly { readonly repository: string; readonly permission: TeamPermission }[]
}

/**
 * Teams with a grant that takes in the name, or that manage mirrors, by name. An organization has a bounded number of teams and of patterns.
 * @param of only the teams that this user is in
 */
export async function listReachingTeams(
  db: Queries,
  organizationId: string,
  repository: string,
  of: string | undefined,
): Promise<ReachingTeam[]> {
  let teams = db
    .selectFrom('teams')
    .select(['teams.id', 'teams.name', 'teams.manages_mirrors'])
    .select((eb) =>
      eb
        .selectFrom('team_members')
        .select((one) => one.fn.countAll<number>().as('number'))
        .whereRef('team_members.team_id', '=', 'teams.id')
        .as('members'),
    )
    .where('teams.organization_id', '=', organizationId)
    .orderBy('teams.name')
  if (of !== undefined) {
    teams = teams.where((eb) =>
      eb.exists(
        eb
          .selectFrom('team_members as own')
          .select('own.user_id')
          .whereRef('own.team_id', '=', 'teams.id')
          .where('own.user_id', '=', of),
      ),
    )
  }
  const grants = await db
    .selectFrom('team_grants')
    .innerJoin('teams', 'teams.id', 'team_grants.team_id')
    .select(['team_grants.team_id', 'team_grants.repository', 'team_grants.permission'])
    .where('teams.organization_id', '=', organizationId)
    .where((eb) =>
      eb.or([
        eb.and([eb('team_grants.is_pattern', '=', 0), eb('team_grants.repository', '=', repository)]),
        eb.and([
          eb('team_grants.is_pattern', '=', 1),
          sql<boolean>`${repository} like team_grants.matches escape '\\'`,
        ]),
      ]),
    )
    .orderBy('team_grants.repository')
    .execute()
  const rows = await teams.execute()
  return rows
    .map((row) => ({
      id: row.id,
      name: row.name,
      managesMirrors: row.manages_mirrors === 1,
      members: Number(row.members),
      grants: grants.filter((one) => one.team_id === row.id).map(({ team_id: _, ...grant }) => grant),
    }))
    .filter((team) => team.managesMirrors || team.grants.length > 0)
}

/** How many people of each role there are. */
export async function countRoles(db: Queries, organizationId: string): Promise<Record<Role, number>> {
  const rows = await db
    .selectFrom('members')
    .select((eb) => ['role', eb.fn.countAll<number>().as('number')])
    .where('organization_id', '=', organizationId)
    .groupBy('role')
    .execute()
  const of = (role: Role) => Number(rows.find((row) => row.role === role)?.number ?? 0)
  return { owner: of('owner'), editor: of('editor'), member: of('member') }
}

export interface ListedToken {
  readonly id: string
  readonly label: string
  readonly allow: readonly TokenRight[]
  readonly repositories: readonly string[]
  readonly isActive: boolean
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
}

/** Tokens of the organization that people made, by label: as many as an organization may have. */
export async function listTokens(db: Queries, organizationId: string): Promise<ListedToken[]> {
  const rows = await db
    .selectFrom('organization_tokens')
    .select(['id', 'label', 'allow', 'repositories', 'is_active', 'expires_at', 'last_used_at'])
    .where('organization_id', '=', organizationId)
    .where('rule_id', 'is', null)
    .orderBy('label')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    label: row.label,
    ...tokenLists(row),
    isActive: row.is_active === 1,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  }))
}
