import type { AuditEntry } from '../../api/audit.ts'
import type { Text } from '../text/en/index.ts'

/**
 * What an entry is about besides its object, in a few words: the team that was given access, and which; the role that somebody has now.
 * Undefined: its object says it all.
 */
export function aboutOf(
  { before, after }: Pick<AuditEntry, 'before' | 'after'>,
  text: Pick<Text, 'access' | 'people'>,
): string | undefined {
  const levels: Readonly<Record<string, string>> = { ...text.people.roles, ...text.access.permissions }
  const now = after ?? before ?? {}
  const word = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
  const team = word(now.team)
  const levelOf = (state: AuditEntry['before']) => {
    const level = word(state?.permission) ?? word(state?.role)
    return level !== undefined && Object.hasOwn(levels, level) ? levels[level] : level
  }
  const was = levelOf(before)
  const is = levelOf(now)
  const level = was !== undefined && after !== null && is !== undefined && was !== is ? `${was} → ${is}` : is
  const about = [team, level].filter((part) => part !== undefined).join(', ')
  return about === '' ? undefined : about
}
