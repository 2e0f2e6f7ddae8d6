/** The parts of a repository's page. */
export const TABS = ['overview', 'tags', 'mirror', 'webhooks', 'settings'] as const
export type Tab = (typeof TABS)[number]

/** Which of them the address names. */
export function parseTab(search: Readonly<Record<string, unknown>>): { readonly tab?: Tab } {
  const tab = TABS.find((one) => one === search.tab)
  return tab === undefined ? {} : { tab }
}
