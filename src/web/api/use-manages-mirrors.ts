import { useOrganizations } from './organizations.ts'
import { useMembers } from './people.ts'
import { useProfile } from './profile.ts'
import { useTeams } from './teams.ts'

/** Owners, and those in a team that manages mirrors; undefined while that is not known. */
export function useManagesMirrors(organization: string): boolean | undefined {
  const organizations = useOrganizations()
  const username = useProfile().data?.username
  const teams = useTeams(organization)
  const members = useMembers(organization)
  if (organizations.data?.find(({ name }) => name === organization)?.role === 'owner') return true
  if (organizations.isPending || username === undefined || teams.isPending || members.isPending) return undefined
  const own = members.data?.find((one) => one.username === username)?.teams ?? []
  return (teams.data ?? []).some(({ name, manageMirrors }) => manageMirrors && own.includes(name))
}
