import { queryOptions, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { RepositoryAccess, RepositoryRight } from '../../api/access.ts'
import type { AuditEntry } from '../../api/audit.ts'
import type { RepositoryChange, RepositoryDetail } from '../../api/repositories.ts'
import { repositoryPath } from './paths.ts'
import { ApiError, request, requestAll } from './request.ts'

export type ListedRepository = Pick<
  RepositoryDetail,
  'name' | 'visibility' | 'mirror' | 'tags' | 'sizeBytes' | 'updatedAt'
>

export function useRepositories(organization: string) {
  return useQuery({
    queryKey: ['repositories', organization],
    queryFn: ({ signal }) =>
      requestAll<ListedRepository>('/repositories', 'repositories', { query: { organization }, signal }),
  })
}

/** Those that some page has listed already; nothing is asked for it. */
export function useListedRepositories(organization: string): readonly ListedRepository[] {
  const client = useQueryClient()
  const key = ['repositories', organization]
  return client.getQueryData<{ readonly items: readonly ListedRepository[] }>(key)?.items ?? []
}

/** Null: it is not there, or one may not see it. */
export function repositoryQuery(name: string) {
  return queryOptions({
    queryKey: ['repository', name],
    queryFn: async ({ signal }) => {
      const path = `/repositories/${repositoryPath(name)}`
      try {
        return (await request<{ repository: RepositoryDetail }>('GET', path, { signal })).repository
      } catch (error) {
        if (error instanceof ApiError && [403, 404].includes(error.status)) return null
        throw error
      }
    },
  })
}

export function useRepository(name: string) {
  return useQuery(repositoryQuery(name))
}

/** Who may do what with it; undefined while it is not known. */
export function useAccess(name: string) {
  return useQuery({
    queryKey: ['access', name],
    queryFn: async ({ signal }) =>
      (await request<{ access: RepositoryAccess }>('GET', `/repositories/${repositoryPath(name)}/access`, { signal }))
        .access,
  })
}

/** What the caller may do with it; empty while that is not known. */
export function useAllowed(name: string): ReadonlySet<RepositoryRight> {
  const { data } = useAccess(name)
  return useMemo(() => new Set(data?.allowed), [data?.allowed])
}

const ACTIVITY_PAGE = 50

/** What was done to it, newest first, page by page. */
export function useActivity(name: string, filter: { readonly action?: string; readonly actor?: string }) {
  return useInfiniteQuery({
    queryKey: ['activity', name, filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      request<{ entries: AuditEntry[]; next: string | null }>('GET', `/repositories/${repositoryPath(name)}/audit`, {
        query: { ...filter, limit: ACTIVITY_PAGE, after: pageParam },
        signal,
      }),
    getNextPageParam: ({ next }) => next ?? undefined,
  })
}

/** Changes its settings. */
export function changeRepository(name: string, body: RepositoryChange) {
  return request<{ repository: RepositoryDetail; effects: string[] }>(
    'PATCH',
    `/repositories/${repositoryPath(name)}`,
    {
      body,
    },
  )
}
