/** What stands in the address of the catalog, so that it can be sent to a colleague. */
import type { CatalogEntry } from '../../api/catalog.ts'

export const SORTS = ['name', 'updated', 'mirrored'] as const
export const SHOWN = ['all', 'mirrored', 'not-mirrored'] as const
export const KINDS = ['image', 'chart'] as const
export const COMPLIANCE = ['fips', 'stig', 'cis'] as const
export const SUPPORT = ['active', 'extended', 'ended'] as const
export const VIEWS = ['cards', 'table'] as const

export interface CatalogSearch {
  readonly upstream?: string
  readonly q?: string
  readonly show?: (typeof SHOWN)[number]
  readonly kind?: (typeof KINDS)[number]
  readonly category?: string
  readonly distribution?: string
  readonly compliance?: readonly (typeof COMPLIANCE)[number][]
  readonly support?: (typeof SUPPORT)[number]
  readonly sort?: (typeof SORTS)[number]
  readonly view?: (typeof VIEWS)[number]
}

/** What is none of ours is left out, and so is what holds anyway. */
export function parseCatalogSearch(search: Readonly<Record<string, unknown>>): CatalogSearch {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
  const one = <T extends string>(all: readonly T[], value: unknown, usual?: T) =>
    all.find((known) => known === value && known !== usual)
  const given: unknown = search.compliance
  const met = Array.isArray(given) ? COMPLIANCE.filter((known) => given.includes(known)) : []
  const found = {
    upstream: text(search.upstream),
    q: text(search.q),
    show: one(SHOWN, search.show, 'all'),
    kind: one(KINDS, search.kind),
    category: text(search.category),
    distribution: text(search.distribution),
    compliance: met.length === 0 ? undefined : met,
    support: one(SUPPORT, search.support),
    sort: one(SORTS, search.sort, 'name'),
    view: one(VIEWS, search.view, 'cards'),
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as CatalogSearch
}

/** How many filters hold, besides the search. */
export function filtersOf({ show, kind, category, distribution, compliance, support }: CatalogSearch): number {
  return [show, kind, category, distribution, compliance, support].filter((one) => one !== undefined).length
}

/** An entry, and the text that it is searched by. */
export interface Indexed {
  readonly entry: CatalogEntry
  readonly text: string
}

export function indexed(entries: readonly CatalogEntry[]): Indexed[] {
  return entries.map((entry) => ({
    entry,
    text: [entry.repository, entry.title, entry.description, entry.words, ...entry.categories].join(' ').toLowerCase(),
  }))
}

/** Every word of the search stands in the entry, and every filter holds. */
export function findEntries(all: readonly Indexed[], search: CatalogSearch, organization: string): CatalogEntry[] {
  const words = (search.q ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const own = `${organization}/`
  const found = all.filter(({ entry, text }) => {
    const { kind, category, distribution, compliance = [], support, show = 'all' } = search
    return (
      words.every((word) => text.includes(word)) &&
      (kind === undefined || entry.kind === kind) &&
      (category === undefined || entry.categories.includes(category)) &&
      (distribution === undefined || entry.distributions.some((one) => familyOf(one) === distribution)) &&
      compliance.every((one) => entry.compliance.includes(one)) &&
      (support === undefined || entry.support === support) &&
      (show === 'all' || (show === 'mirrored') === entry.mirrors.some((name) => name.startsWith(own)))
    )
  })
  return found.map(({ entry }) => entry).sort(ORDERS[search.sort ?? 'name'])
}

const byName = (a: CatalogEntry, b: CatalogEntry) => nameOf(a).localeCompare(nameOf(b), 'en', { numeric: true })
const nameOf = ({ title, repository }: CatalogEntry) => title ?? repository

const ORDERS = {
  name: byName,
  updated: (a, b) => (b.updatedAt ?? '').localeCompare(a.updatedAt ?? '') || byName(a, b),
  mirrored: (a, b) => b.mirrors.length - a.mirrors.length || byName(a, b),
} satisfies Record<(typeof SORTS)[number], (a: CatalogEntry, b: CatalogEntry) => number>

/** `debian` of `debian-13`. */
export function familyOf(distribution: string): string {
  return distribution.replace(/-[^-]*\d.*$/, '')
}

/** What filters offer: what there is, the most frequent first. */
export function choicesOf(entries: readonly CatalogEntry[], of: (entry: CatalogEntry) => readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const entry of entries) for (const one of new Set(of(entry))) counts.set(one, (counts.get(one) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name)
}
