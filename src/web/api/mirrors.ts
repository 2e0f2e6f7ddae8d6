import { useQuery } from '@tanstack/react-query'
import type { Mirror } from '../../api/mirrors.ts'
import { repositoryPath } from './paths.ts'
import { ApiError, request, requestAll } from './request.ts'

/** `live.ts` says when to look again; this is for where nothing tells. */
const SELDOM_MS = 60_000

export function useMirrors(organization: string) {
  return useQuery({
    queryKey: ['mirrors', organization],
    refetchInterval: SELDOM_MS,
    queryFn: ({ signal }) => requestAll<Mirror>('/mirrors', 'mirrors', { query: { organization }, signal }),
  })
}

/** Null: no mirror has ever written there. */
export function useMirror(repository: string) {
  return useQuery({
    queryKey: ['mirror', repository],
    refetchInterval: SELDOM_MS,
    queryFn: async ({ signal }) => {
      try {
        return (await request<{ mirror: Mirror }>('GET', `/mirrors/${repositoryPath(repository)}`, { signal })).mirror
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }
    },
  })
}
