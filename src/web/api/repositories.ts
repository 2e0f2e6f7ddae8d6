import { useQuery } from '@tanstack/react-query'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { repositoryPath } from './paths.ts'
import { request, requestAll } from './request.ts'

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

export function useRepository(name: string) {
  return useQuery({
    queryKey: ['repository', name],
    queryFn: async ({ signal }) =>
      (await request<{ repository: RepositoryDetail }>('GET', `/repositories/${repositoryPath(name)}`, { signal }))
        .repository,
  })
}
