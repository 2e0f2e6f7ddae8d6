/** Entries of the catalogs of an organization that have such a name, as the server keeps them: a name that is typed asks no registry. */
import type { CatalogEntry } from '../../api/catalog.ts'
import { useCatalogs } from '../api/catalog.ts'
import { useUpstreams } from '../api/upstreams.ts'

/** Whole lists are read for it, once: not for what nearly everything has. */
const MIN_LENGTH = 2

export function useEntriesLike(organization: string, part: string): readonly CatalogEntry[] {
  const isWanted = part.length >= MIN_LENGTH
  const upstreams = useUpstreams(organization).data ?? []
  const { catalogs } = useCatalogs(organization, isWanted ? upstreams.map(({ name }) => name) : [])
  if (!isWanted) return []
  return catalogs
    .flatMap(({ entries }) => entries)
    .filter(({ upstream, repository, title }) =>
      `${upstream}/${repository}\n${title ?? ''}`.toLowerCase().includes(part),
    )
}
