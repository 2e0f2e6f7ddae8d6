import { useRole } from '../api/organizations.ts'
import { useMembers } from '../api/people.ts'
import { useProfile } from '../api/profile.ts'
import { useTeams } from '../api/teams.ts'

/** Owners, and those in a team that manages mirrors. */
export function useManagesMirrors(organization: string): boolean {
  const role = useRole(organization)
  const username = useProfile().data?.username
  const teams = useTeams(organization)
  const members = useMembers(organization)
  if (role === 'owner') return true
  const own = members.data?.find((one) => one.username === username)?.teams ?? []
  return (teams.data ?? []).some(({ name, manageMirrors }) => manageMirrors && own.includes(name))
}
