import { useQuery } from '@tanstack/react-query'
import type { Role } from '../../api/organizations.ts'
import { organizationPath } from './paths.ts'
import { requestAll } from './request.ts'

export interface Member {
  readonly username: string
  readonly role: Role
  readonly createdAt: string
}

export function useMembers(organization: string) {
  return useQuery({
    queryKey: ['members', organization],
    queryFn: async ({ signal }) => {
      const path = organizationPath(organization, '/members')
      return (await requestAll<Member>(path, 'members', { signal })).items
    },
  })
}

export interface Invitation {
  readonly id: string
  readonly role: Role
  readonly email: string | null
  readonly state: 'open' | 'accepted' | 'revoked' | 'expired' | 'void'
  readonly createdBy: string
  readonly createdAt: string
}

/** For owners alone. */
export function useInvitations(organization: string, isOwner: boolean) {
  return useQuery({
    queryKey: ['invitations', organization],
    enabled: isOwner,
    queryFn: async ({ signal }) => {
      const path = organizationPath(organization, '/invitations')
      return (await requestAll<Invitation>(path, 'invitations', { signal })).items
    },
  })
}
