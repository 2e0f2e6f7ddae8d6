/** What teams give, as expressions for queries that have a row `members`. They read the rows of now: nothing of it is kept elsewhere. */
import { type Expression, type RawBuilder, sql } from 'kysely'
import type { TeamPermission } from '../schema.ts'

type Name = Expression<string> | string

const grants = sql`from team_members inner join team_grants on team_grants.team_id = team_members.team_id
  where team_members.organization_id = members.organization_id and team_members.user_id = members.user_id`

/** Found by the key. */
const exactly = (name: Name) => sql`${grants} and team_grants.is_pattern = 0 and team_grants.repository = ${name}`

/** One after the other; an organization has a bounded number (`MAX_PATTERNS`). */
const byPattern = (name: Name) =>
  sql`${grants} and team_grants.is_pattern = 1 and ${name} like team_grants.matches escape '\\'`

const rank = sql`max(case team_grants.permission when 'admin' then 3 when 'write' then 2 else 1 end)`

const BY_RANK: readonly (TeamPermission | undefined)[] = [undefined, 'read', 'write', 'admin']

/**
 * The most that teams give a plain member on a name, as numbers for `permissionOf`: by its own name, and by patterns. NULL for owners and
 * editors, who need none.
 * @param name of a repository, there or not
 */
export function grantRanks(name: Name) {
  const ofMember = (found: RawBuilder<unknown>) =>
    sql<number | null>`case when members.role = 'member' then (select ${rank} ${found}) end`
  return [ofMember(exactly(name)).as('exact_rank'), ofMember(byPattern(name)).as('pattern_rank')] as const
}

export function permissionOf(...ranks: readonly (number | null)[]): TeamPermission | undefined {
  return BY_RANK[Math.max(...ranks.map((one) => one ?? 0))]
}

/** Whether a team of the member has any grant on a name. @param of this one only */
export function hasGrant(name: Expression<string>, of?: TeamPermission): RawBuilder<boolean> {
  const enough = of === undefined ? sql`` : sql` and team_grants.permission = ${of}`
  return sql`(exists (select 1 ${exactly(name)}${enough}) or exists (select 1 ${byPattern(name)}${enough}))`
}

/** 1 where a team of the member manages mirrors; owners need none. */
export const managesMirrors: RawBuilder<number> = sql`case when members.role <> 'owner' and exists (
  select 1 from team_members inner join teams on teams.id = team_members.team_id
  where team_members.organization_id = members.organization_id and team_members.user_id = members.user_id
    and teams.manages_mirrors = 1) then 1 else 0 end`
