/** The teams that groups of a provider stand for. */
import { allOfChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'

export interface GroupTeam {
  /** The group, as the provider writes it. */
  readonly group: string
  readonly teamId: string
  readonly team: string
}

/** In place of those before. */
export async function setProviderGroups(
  tx: Transaction,
  providerId: string,
  groups: readonly Pick<GroupTeam, 'group' | 'teamId'>[],
): Promise<void> {
  await tx.deleteFrom('identity_provider_groups').where('provider_id', '=', providerId).execute()
  const rows = groups.map(({ group, teamId }) => ({ provider_id: providerId, name: group, team_id: teamId }))
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('identity_provider_groups')
      .values(chunk)
      .onConflict((conflict) => conflict.columns(['provider_id', 'name', 'team_id']).doNothing())
      .execute()
  }
}

/** By group and team, of each provider that has any. */
export async function findProviderGroups(
  db: Queries,
  providerIds: readonly string[],
): Promise<ReadonlyMap<string, readonly GroupTeam[]>> {
  const rows = await allOfChunks(providerIds, (chunk) =>
    db
      .selectFrom('identity_provider_groups as group')
      .innerJoin('teams', 'teams.id', 'group.team_id')
      .select(['group.provider_id as providerId', 'group.name as group', 'teams.id as teamId', 'teams.name as team'])
      .where('group.provider_id', 'in', chunk)
      .orderBy('group.name')
      .orderBy('teams.name')
      .execute(),
  )
  return Map.groupBy(rows, (row) => row.providerId)
}
