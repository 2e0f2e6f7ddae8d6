import type { AuditEntry } from '../../api/audit.ts'

/**
 * What an entry is about besides its object, in a few words: the team that was given access, and which; the role that somebody has now.
 * Undefined: its object says it all.
 */
export function aboutOf({ before, after }: Pick<AuditEntry, 'before' | 'after'>): string | undefined {
  const now = after ?? before ?? {}
  const word = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
  const team = word(now.team)
  const was = word(before?.permission) ?? word(before?.role)
  const is = word(now.permission) ?? word(now.role)
  const level = was !== undefined && after !== null && is !== undefined && was !== is ? `${was} → ${is}` : is
  const about = [team, level].filter((part) => part !== undefined).join(', ')
  return about === '' ? undefined : about
}
