/** What the address of the list of repositories says: what is looked for, and how it is sorted. */
import type { ListedRepository } from '../api/repositories.ts'

const SORTS = ['name', 'visibility', 'tags', 'size', 'updated'] as const
export type RepositorySort = (typeof SORTS)[number]

export interface RepositoriesSearch {
  readonly q?: string
  /** `size`, or `-size` for the other way round. */
  readonly sort?: string
}

export function parseRepositoriesSearch({ q, sort }: Readonly<Record<string, unknown>>): RepositoriesSearch {
  return {
    ...(typeof q === 'string' && q !== '' ? { q } : {}),
    ...(SORTS.some((one) => sort === one || sort === `-${one}`) ? { sort: sort as string } : {}),
  }
}

const compare: Readonly<Record<RepositorySort, (a: ListedRepository, b: ListedRepository) => number>> = {
  name: () => 0,
  visibility: (a, b) => byText(a.visibility, b.visibility),
  tags: (a, b) => a.tags - b.tags,
  size: (a, b) => a.sizeBytes - b.sizeBytes,
  updated: (a, b) => byText(a.updatedAt, b.updatedAt),
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function foundRepositories(
  all: readonly ListedRepository[],
  { q = '', sort = 'name' }: RepositoriesSearch,
): ListedRepository[] {
  const by = sort.replace(/^-/, '') as RepositorySort
  const found = all
    .filter(({ name }) => name.includes(q.toLowerCase()))
    .toSorted((a, b) => compare[by](a, b) || byText(a.name, b.name))
  return sort.startsWith('-') ? found.reverse() : found
}
