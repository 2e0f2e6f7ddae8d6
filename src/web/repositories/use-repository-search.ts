/** What the address says of a repository's page, and a way to change it. */
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { RepositorySearch } from './tabs.ts'

type Change = { readonly [K in keyof RepositorySearch]?: RepositorySearch[K] | undefined }

/** @returns what it says, and what changes it: undefined takes a part of it away; `isSmall`: going back skips the change */
export function useRepositorySearch() {
  const search: RepositorySearch = useSearch({ from: '/within/o/$organization/repository/$' })
  const navigate = useNavigate({ from: '/o/$organization/repository/$' })
  const change = (to: Change, o: { readonly isSmall?: boolean } = {}) => {
    const merged = Object.entries({ ...search, ...to }).filter(([, value]) => value !== undefined && value !== '')
    void navigate({ search: Object.fromEntries(merged), replace: o.isSmall === true, resetScroll: false })
  }
  return [search, change] as const
}
