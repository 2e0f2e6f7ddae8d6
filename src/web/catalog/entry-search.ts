export const ENTRY_TABS = ['overview', 'guides', 'variants'] as const
export type EntryTab = (typeof ENTRY_TABS)[number]

/** What of the entry is shown; absent: what comes first of it. */
export function parseEntrySearch(search: Readonly<Record<string, unknown>>): { readonly tab?: EntryTab } {
  const tab = ENTRY_TABS.find((one) => one === search.tab)
  return tab === undefined ? {} : { tab }
}
