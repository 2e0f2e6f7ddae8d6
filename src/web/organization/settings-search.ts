/** What the address says of an organization's settings. */
import { type AuditSearch, parseAuditSearch } from './audit-search.ts'

export const SECTIONS = ['general', 'tokens', 'upstreams', 'subscriptions', 'identity', 'audit', 'usage'] as const
export type SettingsSection = (typeof SECTIONS)[number]

export interface SettingsSearch extends AuditSearch {
  readonly section?: SettingsSection
  /** The upstream, or the subscription, that is looked at. */
  readonly of?: string
}

export function parseSettingsSearch(search: Readonly<Record<string, unknown>>): SettingsSearch {
  const section = SECTIONS.find((one) => one === search.section)
  return {
    ...(section === undefined ? {} : { section }),
    ...(typeof search.of === 'string' && search.of !== '' ? { of: search.of } : {}),
    ...(section === 'audit' ? parseAuditSearch(search) : {}),
  }
}
