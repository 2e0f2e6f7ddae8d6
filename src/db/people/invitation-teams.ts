/** The teams that invitations lead into. */
import { allOfChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { TeamRow } from '../schema.ts'

export async function insertInvitationTeams(
  tx: Transaction,
  invitationId: string,
  teams: readonly Pick<TeamRow, 'id'>[],
): Promise<void> {
  const rows = teams.map(({ id }) => ({ invitation_id: invitationId, team_id: id }))
  for (const chunk of rowChunks(rows)) await tx.insertInto('invitation_teams').values(chunk).execute()
}

/** By name, of each invitation that leads into any. */
export async function findInvitationTeams(
  db: Queries,
  invitationIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Pick<TeamRow, 'id' | 'name'>[]>> {
  const rows = await allOfChunks(invitationIds, (chunk) =>
    db
      .selectFrom('invitation_teams')
      .innerJoin('teams', 'teams.id', 'invitation_teams.team_id')
      .select(['invitation_teams.invitation_id as invitationId', 'teams.id', 'teams.name'])
      .where('invitation_teams.invitation_id', 'in', chunk)
      .orderBy('teams.name')
      .execute(),
  )
  return Map.groupBy(rows, (row) => row.invitationId)
}
