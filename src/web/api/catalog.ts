import { useQuery } from '@tanstack/react-query'
import type { CatalogEntry } from '../../api/catalog.ts'
import { requestAll } from './request.ts'

export function useCatalog(upstream: string | undefined) {
  return useQuery({
    queryKey: ['catalog', upstream],
    enabled: upstream !== undefined,
    staleTime: 60_000,
    queryFn: ({ signal }) => requestAll<CatalogEntry>('/catalog', 'entries', { query: { upstream }, signal }),
  })
}
