import { queryOptions, useQuery } from '@tanstack/react-query'
import type { Organization, OrganizationLosses, Role } from '../../api/organizations.ts'
import { organizationPath } from './paths.ts'
import { useProfile } from './profile.ts'
import { request, requestAll } from './request.ts'

export const organizationsQuery = queryOptions({
  queryKey: ['organizations'],
  queryFn: async ({ signal }) => (await requestAll<Organization>('/organizations', 'organizations', { signal })).items,
})

/** What would be lost with it. */
export const lossesQuery = (organization: string) =>
  queryOptions({
    queryKey: ['losses', organization],
    queryFn: async ({ signal }) => {
      const path = organizationPath(organization, '/deletion')
      return (await request<{ losses: OrganizationLosses }>('GET', path, { signal })).losses
    },
  })

export function useOrganizations() {
  return useQuery(organizationsQuery)
}

/** Undefined: not known yet, or not in it. */
export function useRole(organization: string): Role | undefined {
  return useOrganizations().data?.find(({ name }) => name === organization)?.role ?? undefined
}

/** What people call it. */
export function useDisplayName(organization: string): string {
  return shownName(useOrganizations().data?.find(({ name }) => name === organization)) ?? organization
}

export function shownName(organization: Pick<Organization, 'name' | 'displayName'>): string
export function shownName(organization: Pick<Organization, 'name' | 'displayName'> | undefined): string | undefined
export function shownName(organization: Pick<Organization, 'name' | 'displayName'> | undefined): string | undefined {
  return organization?.displayName || organization?.name
}

export function useOrganization(organization: string) {
  return useQuery({
    queryKey: ['organizations', organization],
    queryFn: async ({ signal }) =>
      (await request<{ organization: Organization }>('GET', organizationPath(organization), { signal })).organization,
  })
}

/** Members, invitations and providers of identity: owners, and operators, so that an organization without an owner is given one. */
export function useManagesPeople(organization: string): boolean {
  const isOperator = useProfile().data?.operator === true
  return useRole(organization) === 'owner' || isOperator
}
