/** What the address says of the page of people. */
export const PEOPLE_TABS = ['members', 'teams', 'invitations'] as const
export type PeopleTab = (typeof PEOPLE_TABS)[number]

export interface PeopleSearch {
  readonly tab?: PeopleTab
  /** Part of a name. */
  readonly q?: string
}

export function parsePeopleSearch(search: Readonly<Record<string, unknown>>): PeopleSearch {
  const tab = PEOPLE_TABS.find((one) => one === search.tab)
  return {
    ...(tab === undefined ? {} : { tab }),
    ...(typeof search.q === 'string' && search.q !== '' ? { q: search.q } : {}),
  }
}
