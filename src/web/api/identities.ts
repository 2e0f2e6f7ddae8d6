import { useQuery } from '@tanstack/react-query'
import type { Identity, IdentityProvider, IdentityRefusal } from '../../api/identities.ts'
import { organizationPath } from './paths.ts'
import { request, requestAll } from './request.ts'

/** @param organization null: of the instance */
export function identityPath(organization: string | null, name: string): string {
  const path = `/identities/${encodeURIComponent(name)}`
  return organization === null ? path : organizationPath(organization, path)
}

/** Providers of the instance, for operators. */
export function useSharedProviders() {
  return useQuery({
    queryKey: ['identities', null],
    queryFn: async ({ signal }) => (await requestAll<IdentityProvider>('/identities', 'identities', { signal })).items,
  })
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
