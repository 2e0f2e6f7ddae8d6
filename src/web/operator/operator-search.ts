/** What the address says of the operators' page. */
import { type AuditSearch, parseAuditSearch } from '../organization/audit-search.ts'

export const OPERATOR_TABS = ['health', 'organizations', 'users', 'upstreams', 'identity', 'settings', 'audit'] as const
export type OperatorTab = (typeof OPERATOR_TABS)[number]

export interface OperatorSearch extends AuditSearch {
  readonly tab?: OperatorTab
  /** The upstream that is looked at. */
  readonly of?: string
  /** Part of a name. */
  readonly q?: string
}

export function parseOperatorSearch(search: Readonly<Record<string, unknown>>): OperatorSearch {
  const tab = OPERATOR_TABS.find((one) => one === search.tab)
  return {
    ...(tab === undefined ? {} : { tab }),
    ...(typeof search.of === 'string' && search.of !== '' ? { of: search.of } : {}),
    ...(typeof search.q === 'string' && search.q !== '' ? { q: search.q } : {}),
    ...(tab === 'audit' ? parseAuditSearch(search) : {}),
  }
}
