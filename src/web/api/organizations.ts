import { useQuery } from '@tanstack/react-query'
import type { Organization, Role } from '../../api/organizations.ts'
import { requestAll } from './request.ts'

export function useOrganizations() {
  return useQuery({
    queryKey: ['organizations'],
    queryFn: async ({ signal }) =>
      (await requestAll<Organization>('/organizations', 'organizations', { signal })).items,
  })
}

/** Undefined: not known yet, or not in it. */
export function useRole(organization: string): Role | undefined {
  return useOrganizations().data?.find(({ name }) => name === organization)?.role ?? undefined
}
