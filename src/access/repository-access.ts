/** Who may do what with one repository, and through what: for people who ask why. */
import type { RepositoryAccess, RepositoryRight, RepositoryTeam } from '../api/access.ts'
import { repositoryRightSchema } from '../api/access.ts'
import type { Queries } from '../db/engine/engine.ts'
import { countRoles, listReachingTeams, listTokens, type ReachingTeam } from '../db/people/repository-access.ts'
import type { OrganizationRow, Role } from '../db/schema.ts'
import { fullPattern, matchesPattern } from '../oci/access-patterns.ts'
import type { RepositoryName } from '../oci/reference.ts'
import { type Facts, ROLES, TEAM_PERMISSIONS, TOKEN_RIGHTS } from './authorize.ts'
import type { Authenticated } from './principal.ts'
import { decideOrganization, listAllowedActions, listGrantedActions } from './rights.ts'

const RIGHTS = repositoryRightSchema.options

/** @param role of the caller in the organization; undefined: none, or a token */
export async function readRepositoryAccess(
  db: Queries,
  who: Authenticated,
  o: { readonly organization: OrganizationRow; readonly name: RepositoryName; readonly role: Role | undefined },
): Promise<RepositoryAccess> {
  const { organization, name, role } = o
  const { principal } = who
  const allowed = await listAllowedActions(db, who, name, RIGHTS)
  const [isMember, allTeams] = [allowed.includes('history'), allowed.includes('grant')]
  const userId = principal.kind === 'user' ? principal.userId : undefined
  const of = allTeams ? undefined : userId
  // A plain member sees the teams that they are in, a token none.
  const teams = role === undefined || userId === undefined ? [] : await listReachingTeams(db, organization.id, name, of)
  const seesTokens = await decideOrganization(db, who, organization.name, 'organization-token.manage')
  return {
    allowed,
    members:
      isMember && role !== undefined
        ? { pullAll: organization.members_pull === 'all', counts: await countRoles(db, organization.id) }
        : null,
    teams: teams.map(teamOf),
    allTeams,
    tokens: seesTokens.allowed ? await tokensOn(db, organization, name) : null,
    rules: rulesOf(organization),
  }
}

function teamOf({ name, members, managesMirrors, grants }: ReachingTeam): RepositoryTeam {
  const ranks = grants.map(({ permission }) => TEAM_PERMISSIONS.indexOf(permission))
  const permission = TEAM_PERMISSIONS[Math.max(-1, ...ranks)] ?? null
  return { name, members, manageMirrors: managesMirrors, permission, grants: [...grants] }
}

async function tokensOn(db: Queries, organization: OrganizationRow, name: RepositoryName) {
  const all = await listTokens(db, organization.id)
  return all.flatMap(({ isActive: active, allow, repositories, ...token }) => {
    const taking = repositories.filter((text) => matchesPattern(fullPattern(organization.name, text), name))
    return taking.length === 0 ? [] : [{ ...token, allow: [...allow], repositories: taking, active }]
  })
}

function rulesOf(organization: OrganizationRow): RepositoryAccess['rules'] {
  const given = (facts: Facts): RepositoryRight[] => listGrantedActions(facts, RIGHTS)
  const byEach = <K extends string>(keys: readonly K[], factsOf: (key: K) => Facts) =>
    Object.fromEntries(keys.map((key) => [key, given(factsOf(key))])) as Record<K, RepositoryRight[]>
  return {
    roles: byEach(ROLES, (role) => ({ role, membersPull: organization.members_pull })),
    permissions: byEach(TEAM_PERMISSIONS, (team) => ({ role: 'member', team })),
    manageMirrors: given({ role: 'member', managesMirrors: true }),
    tokens: byEach(TOKEN_RIGHTS, (right) => ({ token: { allow: [right], reach: 'repository' } })),
  }
}
