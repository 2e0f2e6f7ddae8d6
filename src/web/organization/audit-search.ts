/** What the address says of an audit log: what is shown of it. */
export interface AuditSearch {
  readonly actor?: string
  readonly action?: string
  readonly object?: string
  readonly outcome?: 'done' | 'refused'
  /** Days, as 2026-01-31, of one's own zone. */
  readonly since?: string
  readonly until?: string
}

export function parseAuditSearch(search: Readonly<Record<string, unknown>>): AuditSearch {
  const { actor, action, object, outcome, since, until } = search
  const text = (name: string, value: unknown) =>
    typeof value === 'string' && value !== '' && value.length <= 600 ? { [name]: value } : {}
  const day = (name: string, value: unknown) =>
    typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? { [name]: value } : {}
  return {
    ...text('actor', actor),
    ...text('action', action),
    ...text('object', object),
    ...(outcome === 'done' || outcome === 'refused' ? { outcome } : {}),
    ...day('since', since),
    ...day('until', until),
  }
}
