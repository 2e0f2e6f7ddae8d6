/** What the address says of a repository's page, and a way to change it. */
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { RepositorySearch } from './tabs.ts'

type Change = { readonly [K in keyof RepositorySearch]?: RepositorySearch[K] | undefined }

/** @returns what it says, and what changes it: undefined takes a part of it away; `isSmall`: going back skips the change */
export function useRepositorySearch() {
  const search: RepositorySearch = useSearch({ from: '/within/o/$organization/repository/$' })
  const navigate = useNavigate({ from: '/o/$organization/repository/$' })
  // The same from one look at the page to the next: rows of long tables hold on to it.
  const change = useCallback(
    (to: Change, o: { readonly isSmall?: boolean } = {}) => {
      const merge = (before: RepositorySearch): RepositorySearch => {
        const merged = Object.entries({ ...before, ...to }).filter(([, value]) => value !== undefined && value !== '')
        return Object.fromEntries(merged)
      }
      void navigate({ search: merge, replace: o.isSmall === true, resetScroll: false })
    },
    [navigate],
  )
  return [search, change] as const
}
