/**
 * Groups of a provider that stand for teams: at each sign-in a member is in such a team just when the provider lists one of its groups. A
 * team that no group stands for is left alone, and so is whoever is no member (any more).
 */
import type { Transaction } from '../../db/engine/engine.ts'
import type { ProviderRecord } from '../../db/people/identity-providers.ts'
import { findMember } from '../../db/people/members.ts'
import { findProviderGroups } from '../../db/people/provider-groups.ts'
import type { VouchedPerson } from '../../db/people/sign-ins.ts'
import { addTeamMember, listTeamIdsOf, removeTeamMember } from '../../db/people/teams.ts'
import type { User } from '../../db/people/users.ts'
import { recordAudit } from '../../db/platform/audit.ts'

/** Of one person: more are not looked at. */
const MAX_GROUPS = 2000
const MAX_NAME_LENGTH = 255

/**
 * What a claim lists; a text is a list of one. A claim of another shape, or none, lists nothing: on doubt a group opens no team.
 * @param name of the claim, or the way to it: `realm_access.roles`
 * @param known the groups that are of interest: others of somebody's thousands are not kept
 */
export function groupsOf(
  claims: Readonly<Record<string, unknown>>,
  name: string,
  known: ReadonlySet<string>,
): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : valueAt(claims, name.split('.'))
  const listed: readonly unknown[] = Array.isArray(value) ? value.slice(0, MAX_GROUPS) : [value]
  const names = listed.filter((one): one is string => typeof one === 'string' && one.length <= MAX_NAME_LENGTH)
  return [...new Set(names)].filter((one) => known.has(one))
}

function valueAt(claims: unknown, way: readonly string[]): unknown {
  let value = claims
  for (const step of way) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

export async function followGroups(
  tx: Transaction,
  provider: ProviderRecord,
  { groups }: VouchedPerson,
  user: User,
  at: string,
): Promise<void> {
  const { id, organization_id: organizationId } = provider
  if (organizationId === null) return
  const mapped = (await findProviderGroups(tx, [id])).get(id) ?? []
  if (mapped.length === 0 || (await findMember(tx, organizationId, user.id)) === undefined) return
  const own = await listTeamIdsOf(tx, organizationId, user.id)
  const wanted = new Set(mapped.filter(({ group }) => groups.includes(group)).map(({ teamId }) => teamId))
  for (const [teamId, team] of new Map(mapped.map((one) => [one.teamId, one.team]))) {
    if (wanted.has(teamId) === own.has(teamId)) continue
    const isAdded = wanted.has(teamId)
    if (isAdded) await addTeamMember(tx, { organizationId, teamId, userId: user.id, at })
    else await removeTeamMember(tx, teamId, user.id)
    const membership = { user: user.username, by: `identity:${provider.name}` }
    await recordAudit(tx, {
      organizationId,
      action: isAdded ? 'team.member.add' : 'team.member.remove',
      object: `team:${team}/user:${user.username}`,
      before: isAdded ? null : membership,
      after: isAdded ? membership : null,
    })
  }
}
