import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { TagMove } from '../../api/history.ts'
import type { Tag, TagsDeleted } from '../../api/tags.ts'
import { repositoryPath } from './paths.ts'
import { request, requestAll } from './request.ts'

export function useTags(name: string) {
  return useQuery({
    queryKey: ['tags', name],
    queryFn: ({ signal }) => requestAll<Tag>(`/repositories/${repositoryPath(name)}/tags`, 'tags', { signal }),
  })
}

const HISTORY_PAGE = 25

/** Where a tag pointed, newest first, page by page. */
export function useHistory(name: string, tag: string) {
  return useInfiniteQuery({
    queryKey: ['history', name, tag],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      request<{ history: TagMove[]; next: string | null }>('GET', `/repositories/${repositoryPath(name)}/history`, {
        query: { tag, limit: HISTORY_PAGE, after: pageParam },
        signal,
      }),
    getNextPageParam: ({ next }) => next ?? undefined,
  })
}

/** What would become of the repository without these tags. */
export function useDeletionPlan(name: string, tags: readonly string[]) {
  return useQuery({
    queryKey: ['plan', 'deletion', name, tags],
    retry: false,
    queryFn: ({ signal }) => deleteTags(name, tags, { dryRun: true, signal }),
  })
}

export function deleteTags(
  name: string,
  tags: readonly string[],
  o: { readonly dryRun?: boolean; readonly signal?: AbortSignal } = {},
) {
  const { signal, dryRun = false } = o
  return request<TagsDeleted>('POST', `/repositories/${repositoryPath(name)}/tags/delete`, {
    body: { tags, dryRun },
    ...(signal === undefined ? {} : { signal }),
  })
}

/** Moves a tag back to where it pointed before. */
export function restoreTag(name: string, tag: string, body: { readonly digest: string; readonly reason?: string }) {
  return request('POST', `/repositories/${repositoryPath(name)}/tags/${encodeURIComponent(tag)}/restore`, { body })
}

/** Gives a tag back to the mirror of its repository. */
export function releaseTag(name: string, tag: string, takeUpstream: boolean) {
  return request('POST', `/mirrors/${repositoryPath(name)}/tags/${encodeURIComponent(tag)}/release`, {
    body: { takeUpstream },
  })
}
