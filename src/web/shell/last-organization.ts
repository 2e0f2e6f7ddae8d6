/** Whose pages were looked at last in this window: pages that are no organization's keep it. */
import type { Organization } from '../../api/organizations.ts'

const KEY = 'kagami-organization'

export function keepOrganization(name: string): void {
  sessionStorage.setItem(KEY, name)
}

/** The first where none was looked at. @param own those one is in; undefined when there are none */
export function lastOrganization(own: readonly Pick<Organization, 'name'>[]): string | undefined {
  const kept = sessionStorage.getItem(KEY)
  return (own.find(({ name }) => name === kept) ?? own[0])?.name
}
