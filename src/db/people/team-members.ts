/** Which teams people are in, for lists of people. */
import { sql } from 'kysely'
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

/**
 * Names of teams by user id, the first `most` of each by name.
 * @param o.seenBy only teams that this user is in
 */
export async function listTeamsOf(
  db: Queries,
  organizationId: string,
  userIds: readonly string[],
  o: { readonly most: number; readonly seenBy?: string | undefined },
): Promise<Map<string, string[]>> {
  const rows = await allOfChunks([...userIds], (chunk) => {
    let all = db
      .selectFrom('team_members as in_team')
      .innerJoin('teams', 'teams.id', 'in_team.team_id')
      .select(['in_team.user_id as userId', 'teams.name'])
      .select(sql<number>`row_number() over (partition by in_team.user_id order by teams.name)`.as('place'))
      .where('in_team.organization_id', '=', organizationId)
      .where('in_team.user_id', 'in', chunk)
    const { seenBy } = o
    if (seenBy !== undefined) {
      all = all.where('in_team.team_id', 'in', (eb) =>
        eb
          .selectFrom('team_members as own')
          .select('own.team_id')
          .where('own.organization_id', '=', organizationId)
          .where('own.user_id', '=', seenBy),
      )
    }
    return db
      .selectFrom(all.as('one'))
      .select(['one.userId', 'one.name'])
      .where('one.place', '<=', o.most)
      .orderBy('one.name')
      .execute()
  })
  return new Map(
    [...Map.groupBy(rows, ({ userId }) => userId)].map(([id, teams]) => [id, teams.map(({ name }) => name)]),
  )
}
