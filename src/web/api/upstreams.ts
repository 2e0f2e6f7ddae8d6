import { useQuery } from '@tanstack/react-query'
import type { Upstream, UpstreamShown } from '../../api/upstreams.ts'
import { request, requestAll } from './request.ts'

/** What others change comes by itself where `live.ts` tells of it; this is for the rest. */
const SELDOM_MS = 60_000

/** Its own, and the shared ones. */
export function useUpstreams(organization: string) {
  return useQuery({
    queryKey: ['upstreams'],
    queryFn: listUpstreams,
    select: (all) => all.filter((one) => one.organization === null || one.organization === organization),
  })
}

/** Shared with every organization. */
export function useSharedUpstreams() {
  return useQuery({
    queryKey: ['upstreams'],
    queryFn: listUpstreams,
    select: (all) => all.filter((one) => one.organization === null),
  })
}

async function listUpstreams({ signal }: { readonly signal: AbortSignal }): Promise<readonly Upstream[]> {
  return (await requestAll<Upstream>('/upstreams', 'upstreams', { signal })).items
}

export function upstreamPath(name: string, rest = ''): string {
  return `/upstreams/${encodeURIComponent(name)}${rest}`
}

/** With what is left of its budget: for its owners, of a shared one for operators. @param organization null: a shared one */
export function useUpstream(name: string, organization: string | null) {
  return useQuery({
    queryKey: ['upstream', organization, name],
    refetchInterval: SELDOM_MS,
    queryFn: ({ signal }) =>
      request<UpstreamShown>('GET', upstreamPath(name), { query: { organization: organization ?? undefined }, signal }),
  })
}
