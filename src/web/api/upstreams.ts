import { useQuery } from '@tanstack/react-query'
import type { Upstream } from '../../api/upstreams.ts'
import { requestAll } from './request.ts'

export function useUpstreams(organization: string) {
  return useQuery({
    queryKey: ['upstreams'],
    queryFn: async ({ signal }) => (await requestAll<Upstream>('/upstreams', 'upstreams', { signal })).items,
    select: (all) => all.filter((one) => one.organization === null || one.organization === organization),
  })
}
