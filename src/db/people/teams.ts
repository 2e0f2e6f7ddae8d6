/** Teams of organizations, who is in them, and what they are granted. Decisions read these rows at every request (`rights.ts`). */
import { AppError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { TeamRow } from '../schema.ts'
import type { Page } from './organizations.ts'

/** Of one organization. */
export const MAX_TEAMS = 500

/** A team with how many members and grants it has. */
export interface TeamSummary extends TeamRow {
  readonly members: number
  readonly grants: number
}

/** @throws AppError CONFLICT when the name is taken, or the organization has MAX_TEAMS */
export async function createTeam(
  tx: Transaction,
  team: Omit<TeamRow, 'id' | 'created_at'> & { readonly at: string },
): Promise<TeamRow> {
  const { at, ...columns } = team
  const { number } = await tx
    .selectFrom('teams')
    .select((eb) => eb.fn.countAll<number>().as('number'))
    .where('organization_id', '=', team.organization_id)
    .executeTakeFirstOrThrow()
  if (Number(number) >= MAX_TEAMS)
    throw new AppError('CONFLICT', `the organization has ${MAX_TEAMS} teams already`, {
      about: { reason: 'full', what: 'team', most: MAX_TEAMS },
    })
  const row: TeamRow = { id: newId(), ...columns, created_at: at }
  const made = await tx
    .insertInto('teams')
    .values(row)
    .onConflict((conflict) => conflict.columns(['organization_id', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (made === undefined)
    throw new AppError('CONFLICT', `there is a team ${team.name} already`, {
      about: { reason: 'taken', what: 'team', name: team.name },
    })
  return made
}

export async function findTeam(db: Queries, organizationId: string, name: string): Promise<TeamRow | undefined> {
  return db
    .selectFrom('teams')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** @throws AppError NOT_FOUND that names the first that is not there */
export async function findTeamsNamed(
  db: Queries,
  organizationId: string,
  names: readonly string[],
): Promise<TeamRow[]> {
  const teams: TeamRow[] = []
  for (const name of new Set(names)) {
    const team = await findTeam(db, organizationId, name)
    if (team === undefined)
      throw new AppError('NOT_FOUND', `there is no team ${name}`, { about: { reason: 'absent', what: 'team', name } })
    teams.push(team)
  }
  return teams
}

/** The teams of the organization that the user is in. */
export async function listTeamIdsOf(db: Queries, organizationId: string, userId: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('team_members')
    .select('team_id')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .execute()
  return new Set(rows.map((row) => row.team_id))
}

/** By name. @param o.of only the teams that this user is in */
export async function listTeams(
  db: Queries,
  organizationId: string,
  o: Page & { readonly of?: string | undefined; readonly named?: string | undefined },
): Promise<TeamSummary[]> {
  let query = db
    .selectFrom('teams')
    .selectAll()
    .select((eb) => [
      eb
        .selectFrom('team_members')
        .select((one) => one.fn.countAll<number>().as('number'))
        .whereRef('team_members.team_id', '=', 'teams.id')
        .as('members'),
      eb
        .selectFrom('team_grants')
        .select((one) => one.fn.countAll<number>().as('number'))
        .whereRef('team_grants.team_id', '=', 'teams.id')
        .as('grants'),
    ])
    .where('organization_id', '=', organizationId)
    .orderBy('name')
    .limit(o.limit)
  if (o.after !== undefined) query = query.where('name', '>', o.after)
  if (o.named !== undefined) query = query.where('name', '=', o.named)
  const { of } = o
  if (of !== undefined) {
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom('team_members as own')
          .select('own.user_id')
          .whereRef('own.team_id', '=', 'teams.id')
          .where('own.user_id', '=', of),
      ),
    )
  }
  const rows = await query.execute()
  return rows.map(({ members, grants, ...row }) => ({ ...row, members: Number(members), grants: Number(grants) }))
}

/** What is absent stays. */
export async function changeTeam(
  tx: Transaction,
  id: string,
  change: Partial<Pick<TeamRow, 'description' | 'manages_mirrors'>>,
): Promise<void> {
  if (Object.keys(change).length === 0) return
  await tx.updateTable('teams').set(change).where('id', '=', id).execute()
}

/** With its memberships and grants: the next request is decided without them. */
export async function removeTeam(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('teams').where('id', '=', id).execute()
}

/** It may have been deleted since it was looked at. @throws AppError NOT_FOUND */
export async function requireTeam(tx: Transaction, id: string): Promise<void> {
  const row = await tx.selectFrom('teams').select('id').where('id', '=', id).executeTakeFirst()
  if (row === undefined)
    throw new AppError('NOT_FOUND', 'the team was deleted just now', { about: { reason: 'absent', what: 'team' } })
}

/** @returns false when the user is no member of the team's organization @throws AppError NOT_FOUND when there is no such team */
export async function addTeamMember(
  tx: Transaction,
  o: { readonly organizationId: string; readonly teamId: string; readonly userId: string; readonly at: string },
): Promise<boolean> {
  const member = await tx
    .selectFrom('members')
    .select('user_id')
    .where('organization_id', '=', o.organizationId)
    .where('user_id', '=', o.userId)
    .executeTakeFirst()
  if (member === undefined) return false
  await requireTeam(tx, o.teamId)
  await tx
    .insertInto('team_members')
    .values({ organization_id: o.organizationId, user_id: o.userId, team_id: o.teamId, created_at: o.at })
    .onConflict((conflict) => conflict.columns(['organization_id', 'user_id', 'team_id']).doNothing())
    .execute()
  return true
}

/** @returns false when the user is not in the team */
export async function removeTeamMember(tx: Transaction, teamId: string, userId: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('team_members')
    .where('team_id', '=', teamId)
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

/** By user name. */
export async function listTeamMembers(
  db: Queries,
  teamId: string,
  page: Page,
): Promise<{ readonly username: string; readonly createdAt: string }[]> {
  let query = db
    .selectFrom('team_members')
    .innerJoin('users', 'users.id', 'team_members.user_id')
    .select('team_members.created_at as createdAt')
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
    .where('team_members.team_id', '=', teamId)
    .orderBy('username')
    .limit(page.limit)
  if (page.after !== undefined)
    query = query.where((eb) => eb.fn.coalesce('users.username', 'users.id'), '>', page.after)
  return query.execute()
}
