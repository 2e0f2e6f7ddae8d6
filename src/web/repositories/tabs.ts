/** The parts of a repository's page, and what its address says besides. */

import type { RepositoryRight } from '../../api/access.ts'
import type { Mirror } from '../../api/mirrors.ts'

export const TABS = [
  'overview',
  'tags',
  'mirror',
  'replications',
  'webhooks',
  'access',
  'activity',
  'settings',
] as const
export type Tab = (typeof TABS)[number]

/** What a part needs to say anything; the others are for whoever sees the repository. */
export const NEEDED: Partial<Record<Tab, RepositoryRight>> = {
  mirror: 'mirror.read',
  replications: 'replication.read',
  webhooks: 'webhook.read',
  access: 'history',
  activity: 'audit',
  settings: 'admin',
}

/** Whether a part says something to somebody. */
export function isShown(tab: Tab, allowed: ReadonlySet<RepositoryRight>, mirror: Mirror | null | undefined): boolean {
  const needed = NEEDED[tab]
  return (needed === undefined || allowed.has(needed)) && (tab !== 'mirror' || mirror !== null)
}

const WORDS = ['q', 'sort', 'attested', 'of', 'run', 'explain', 'webhook', 'delivery', 'action', 'actor'] as const

/**
 * `q`, `sort`, `attested`: of tags; `of`: whose history is open; `run`, `explain`: of the mirror; `webhook`, `delivery`: which one is open;
 * `action`, `actor`: what is shown of the activity.
 */
export type RepositorySearch = { readonly tab?: Tab } & Partial<Readonly<Record<(typeof WORDS)[number], string>>>

/** What the address says. */
export function parseRepositorySearch(search: Readonly<Record<string, unknown>>): RepositorySearch {
  const tab = TABS.find((one) => one === search.tab)
  const words = WORDS.flatMap((word) => {
    const given = search[word]
    // A tag may read as a number.
    const value = typeof given === 'number' ? String(given) : given
    return typeof value === 'string' && value !== '' ? [[word, value] as const] : []
  })
  return { ...(tab === undefined ? {} : { tab }), ...Object.fromEntries(words) }
}
