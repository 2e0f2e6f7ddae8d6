import { useQuery } from '@tanstack/react-query'
import type { OrganizationToken } from '../../api/organization-tokens.ts'
import { organizationPath } from './paths.ts'
import { requestAll } from './request.ts'

/** For owners alone. */
export function useOrganizationTokens(organization: string) {
  return useQuery({
    queryKey: ['organization-tokens', organization],
    queryFn: async ({ signal }) =>
      (await requestAll<OrganizationToken>(organizationPath(organization, '/tokens'), 'tokens', { signal })).items,
  })
}
