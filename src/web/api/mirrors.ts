import { queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { TagExplanation } from '../../api/explain.ts'
import type { MirrorChange } from '../../api/mirror-settings.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { Plan } from '../../api/plans.ts'
import type { Run, RunItem } from '../../api/runs.ts'
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
export function mirrorQuery(repository: string) {
  return queryOptions({
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

export function useMirror(repository: string) {
  return useQuery(mirrorQuery(repository))
}

const RUNS_PAGE = 20

/** Newest first, page by page. */
export function useRuns(repository: string) {
  return useInfiniteQuery({
    queryKey: ['runs', repository],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      request<{ runs: Run[]; next: string | null }>('GET', `/mirrors/${repositoryPath(repository)}/runs`, {
        query: { limit: RUNS_PAGE, after: pageParam },
        signal,
      }),
    getNextPageParam: ({ next }) => next ?? undefined,
  })
}

const ITEMS_PAGE = 200

/** One run and what it did, page by page. */
export function useRun(repository: string, id: string) {
  return useInfiniteQuery({
    queryKey: ['run', repository, id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      request<{ run: Run; items: RunItem[]; next: string | null }>(
        'GET',
        `/mirrors/${repositoryPath(repository)}/runs/${encodeURIComponent(id)}`,
        { query: { limit: ITEMS_PAGE, after: pageParam }, signal },
      ),
    getNextPageParam: ({ next }) => next ?? undefined,
  })
}

/** Why tags are, or are not, here. @param tag undefined: all that are not simply in step, at most a page of them */
export function useExplanation(repository: string, tag: string | undefined) {
  return useQuery({
    queryKey: ['explain', repository, tag],
    retry: false,
    queryFn: ({ signal }) =>
      request<{ tags: TagExplanation[]; next: string | null }>(
        'GET',
        `/mirrors/${repositoryPath(repository)}/explain`,
        {
          query: { tag, limit: tag === undefined ? 100 : 20 },
          signal,
        },
      ),
  })
}

/** What the next run would do with these settings. */
export function useSettingsPlan(repository: string, settings: MirrorChange, isWanted: boolean) {
  return useQuery({
    queryKey: ['plan', repository, settings],
    enabled: isWanted,
    retry: false,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const path = `/mirrors/${repositoryPath(repository)}/sync`
      return (await request<{ plan: Plan }>('POST', path, { body: { dryRun: true, settings }, signal })).plan
    },
  })
}

/** @param verb `sync`, `pause`, `resume`, `stop` or `restart` */
export function actOnMirror(repository: string, verb: string, body?: unknown) {
  return request('POST', `/mirrors/${repositoryPath(repository)}/${verb}`, body === undefined ? {} : { body })
}

export function changeMirror(repository: string, body: MirrorChange) {
  return request('PATCH', `/mirrors/${repositoryPath(repository)}`, { body })
}
