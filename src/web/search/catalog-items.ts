/** Entries of the catalogs of an organization that have such a name or title, as the server keeps them. */
import type { CatalogEntry } from '../../api/catalog.ts'
import { useCatalogNames } from '../api/catalog.ts'
import { useUpstreams } from '../api/upstreams.ts'

/** Not for what nearly everything has. */
const MIN_LENGTH = 2

/** @param most of them, those of the first upstreams before others */
export function useEntriesLike(organization: string, part: string, most: number): readonly CatalogEntry[] {
  const isWanted = part.length >= MIN_LENGTH
  const upstreams = [...new Set((useUpstreams(organization).data ?? []).map(({ name }) => name))]
  const found = useCatalogNames(organization, isWanted ? upstreams : [], { q: part, most })
  // Until the server has looked for this one, those of the last are there.
  const isLike = ({ upstream, repository, title }: CatalogEntry) =>
    `${upstream}/${repository}\n${title ?? ''}`.toLowerCase().includes(part)
  return isWanted ? found.filter(isLike).slice(0, most) : []
}
