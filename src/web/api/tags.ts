import { useQuery } from '@tanstack/react-query'
import type { Tag } from '../../api/tags.ts'
import { repositoryPath } from './paths.ts'
import { requestAll } from './request.ts'

export function useTags(name: string) {
  return useQuery({
    queryKey: ['tags', name],
    queryFn: ({ signal }) => requestAll<Tag>(`/repositories/${repositoryPath(name)}/tags`, 'tags', { signal }),
  })
}
