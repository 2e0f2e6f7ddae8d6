import { useQuery } from '@tanstack/react-query'
import type { Identity, IdentityRefusal } from '../../api/identities.ts'
import { organizationPath } from './paths.ts'
import { request, requestAll } from './request.ts'

export function identityPath(organization: string, name: string): string {
  return organizationPath(organization, `/identities/${encodeURIComponent(name)}`)
}

/** For owners and operators. */
export function useIdentities(organization: string) {
  return useQuery({
    queryKey: ['identities', organization],
    queryFn: async ({ signal }) =>
      (await requestAll<Identity>(organizationPath(organization, '/identities'), 'identities', { signal })).items,
  })
}

/** What was refused lately of tokens of a rule's issuer. */
export function useRefusals(organization: string, name: string) {
  return useQuery({
    queryKey: ['identities', organization, name, 'refusals'],
    queryFn: async ({ signal }) =>
      (await request<{ refusals: IdentityRefusal[] }>('GET', identityPath(organization, name), { signal })).refusals,
  })
}
