/** An organization at a glance. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { MirrorGlance, MovedRepository, Trouble } from '../../api/glance.ts'
import type { NamesAnswer } from '../../api/names.ts'
import type { Progress } from '../../api/progress.ts'
import type { UsageAnswer } from '../../api/usage.ts'
import { organizationPath } from './paths.ts'
import { request, requestAll } from './request.ts'

/** Where nothing tells of changes, as behind a proxy that cuts streams. */
const SELDOM_MS = 60_000

/** All mirrors, each in few words. */
export function useFreshness(organization: string) {
  return useQuery({
    queryKey: ['freshness', organization],
    refetchInterval: SELDOM_MS,
    queryFn: async ({ signal }) =>
      (await requestAll<MirrorGlance>(organizationPath(organization, '/freshness'), 'mirrors', { signal })).items,
  })
}

/** Repositories in which tags moved in the last 24 hours. */
export function useMoved(organization: string) {
  return useQuery({
    queryKey: ['moved', organization],
    refetchInterval: SELDOM_MS,
    queryFn: ({ signal }) =>
      request<{ repositories: MovedRepository[]; isWhole: boolean }>(
        'GET',
        organizationPath(organization, '/moves/repositories'),
        { signal },
      ),
  })
}

/** What wants a hand beside the mirrors. */
export function useTroubles(organization: string) {
  return useQuery({
    queryKey: ['troubles', organization],
    refetchInterval: SELDOM_MS,
    queryFn: async ({ signal }) =>
      (await request<{ troubles: Trouble[] }>('GET', organizationPath(organization, '/troubles'), { signal })).troubles,
  })
}

/** Day by day, the last thirty. */
export function useUsage(organization: string) {
  return useQuery({
    queryKey: ['usage', organization],
    refetchInterval: SELDOM_MS,
    queryFn: ({ signal }) => request<UsageAnswer>('GET', organizationPath(organization, '/usage'), { signal }),
  })
}

/** @param everyMs while somebody watches */
export function useActivity(organization: string, everyMs: number = SELDOM_MS) {
  return useQuery({
    queryKey: ['activity', organization],
    refetchInterval: everyMs,
    queryFn: ({ signal }) =>
      request<{ runs: Progress[]; total: number }>('GET', organizationPath(organization, '/activity'), { signal }),
  })
}

/** Repositories and tags with a part of their name. @param q empty: nothing is asked */
export function useNames(organization: string, q: string) {
  return useQuery({
    queryKey: ['names', organization, q],
    enabled: q !== '',
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      request<NamesAnswer>('GET', organizationPath(organization, '/names'), { query: { q }, signal }),
  })
}
