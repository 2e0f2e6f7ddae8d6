const SHOWN = ['all', 'mirrored', 'not-mirrored'] as const
export type Shown = (typeof SHOWN)[number]

/** What stands in the address, so that it can be sent to a colleague. */
export interface CatalogSearch {
  readonly upstream?: string
  readonly q?: string
  readonly show?: Shown
}

export function parseCatalogSearch(search: Readonly<Record<string, unknown>>): CatalogSearch {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
  const show = SHOWN.find((one) => one === search.show && one !== 'all')
  const [upstream, q] = [text(search.upstream), text(search.q)]
  return {
    ...(upstream === undefined ? {} : { upstream }),
    ...(q === undefined ? {} : { q }),
    ...(show === undefined ? {} : { show }),
  }
}
