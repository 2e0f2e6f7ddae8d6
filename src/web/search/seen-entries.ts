/** Entries of the catalogs that this page has read already: a name that is typed asks no registry. */
import { useQueryClient } from '@tanstack/react-query'

interface Entry {
  readonly upstream: string
  readonly repository: string
}

export function useSeenEntries(): readonly Entry[] {
  return useQueryClient()
    .getQueriesData<{ readonly items: readonly Entry[] }>({ queryKey: ['catalog'] })
    .flatMap(([, list]) => list?.items ?? [])
}
