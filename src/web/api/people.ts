import { useQuery } from '@tanstack/react-query'
import type { Invitation } from '../../api/invitations.ts'
import type { ListedMember } from '../../api/members.ts'
import { organizationPath } from './paths.ts'
import { requestAll } from './request.ts'

export function useMembers(organization: string) {
  return useQuery({
    queryKey: ['members', organization],
    queryFn: async ({ signal }) => {
      const path = organizationPath(organization, '/members')
      return (await requestAll<ListedMember>(path, 'members', { signal })).items
    },
  })
}

/** For owners alone. */
export function useInvitations(organization: string) {
  return useQuery({
    queryKey: ['invitations', organization],
    queryFn: async ({ signal }) => {
      const path = organizationPath(organization, '/invitations')
      return (await requestAll<Invitation>(path, 'invitations', { signal })).items
    },
  })
}
