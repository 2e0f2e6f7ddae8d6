import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query'
import type { CatalogChange, CatalogDetail, CatalogEntry, CatalogState } from '../../api/catalog.ts'
import { ApiError, pathWith, request, requestAll } from './request.ts'

/** What one upstream's catalog came to, as an organization sees it. */
export interface Catalog {
  readonly upstream: string
  readonly state: CatalogState | undefined
  readonly entries: readonly CatalogEntry[]
  readonly isWhole: boolean
  readonly error: unknown
}

const AGAIN_WHILE_READ_MS = 1500
/** Somebody looks at an empty page. */
const AGAIN_AT_FIRST_MS = 500

/** Nobody has looked at it before: it is being read for the first time. */
export function isFirstRead({ state }: Catalog): boolean {
  return state !== undefined && state.readAt === null && state.problem === null
}

/** It is being read; one that nobody has looked at for long is, from the look at its list on. */
function isBeingRead({ state }: Catalog): boolean {
  return state !== undefined && (state.refreshing || state.nextAt === null)
}

/** Catalogs of several upstreams; what is being read for the first time is looked at again. */
export function useCatalogs(organization: string, upstreams: readonly string[]) {
  return useQueries({
    queries: upstreams.map((upstream) => ({
      queryKey: ['catalog', organization, upstream],
      staleTime: 60_000,
      refetchInterval: ({ state: { data } }: { state: { data?: Catalog | undefined } }) =>
        data === undefined
          ? false
          : isFirstRead(data)
            ? AGAIN_AT_FIRST_MS
            : isBeingRead(data)
              ? AGAIN_WHILE_READ_MS
              : false,
      queryFn: ({ signal }: { signal: AbortSignal }) => readCatalog(organization, upstream, signal),
    })),
    combine: (results) => ({
      catalogs: results.flatMap(({ data }) => data ?? []),
      isLoading: results.some(({ isLoading }) => isLoading),
      error: results.find(({ error }) => error !== null)?.error ?? null,
      refetch: () => {
        for (const { refetch } of results) void refetch()
      },
    }),
  })
}

/** The first few entries of several upstreams that have `q` in their names or titles; upstreams that have no list have none. */
export function useCatalogNames(
  organization: string,
  upstreams: readonly string[],
  { q, most }: { readonly q: string; readonly most: number },
): readonly CatalogEntry[] {
  return useQueries({
    queries: upstreams.map((upstream) => ({
      queryKey: ['catalog-names', organization, upstream, q],
      staleTime: 60_000,
      retry: false,
      placeholderData: keepPreviousData,
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const query = { organization, upstream, q, limit: most }
        return (await request<{ entries: CatalogEntry[] }>('GET', '/catalog', { query, signal })).entries
      },
    })),
    combine: (results) => results.flatMap(({ data }) => data ?? []),
  })
}

/**
 * A registry that cannot be listed hides neither the others nor what is known of it. How it stands is asked for before the list: what is
 * said to be read is in the list then, and what is read meanwhile is looked at again.
 */
async function readCatalog(organization: string, upstream: string, signal: AbortSignal): Promise<Catalog> {
  const query = { organization }
  const state = await request<{ catalog: CatalogState }>('GET', `/catalog/${encodeURIComponent(upstream)}`, {
    query,
    signal,
  }).then(
    ({ catalog }) => catalog,
    () => undefined,
  )
  const list = await requestAll<CatalogEntry>('/catalog', 'entries', { query: { ...query, upstream }, signal })
    .then(({ items, isWhole }) => ({ entries: items, isWhole, error: null }))
    .catch((error) => {
      if (!(error instanceof ApiError) || error.status === 0 || error.status === 401) throw error
      return { entries: [], isWhole: true, error }
    })
  return { upstream, ...list, state }
}

function entryPath(upstream: string, repository: string, rest = ''): string {
  return `/catalog/${encodeURIComponent(upstream)}/${encodeURIComponent(repository)}${rest}`
}

/** Null: the catalog does not have it. */
export function useCatalogEntry(organization: string, upstream: string, repository: string) {
  return useQuery({
    queryKey: ['catalog-entry', organization, upstream, repository],
    queryFn: async ({ signal }) => {
      try {
        const path = entryPath(upstream, repository)
        return (await request<{ entry: CatalogDetail }>('GET', path, { query: { organization }, signal })).entry
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }
    },
  })
}

export function refreshCatalog(organization: string, upstream: string) {
  const path = `/catalog/${encodeURIComponent(upstream)}/refresh`
  return request<{ catalog: CatalogState }>('POST', path, { query: { organization }, body: {} })
}

/** Undefined: it has none. */
export function logoAddress(
  organization: string,
  { upstream, repository, logo }: Pick<CatalogEntry, 'upstream' | 'repository' | 'logo'>,
): string | undefined {
  return logo === null ? undefined : pathWith(entryPath(upstream, repository, '/logo'), { organization, v: logo })
}

/** @param organization whose upstream it is; undefined: a shared one */
export function changeCatalog(organization: string | undefined, upstream: string, change: CatalogChange) {
  const path = `/catalog/${encodeURIComponent(upstream)}`
  return request<{ catalog: CatalogState }>('PATCH', path, { query: { organization }, body: change })
}
