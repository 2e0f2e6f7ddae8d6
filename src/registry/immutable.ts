/** Tags that may not be overwritten or deleted once they exist: all of a repository's, none, or those that a pattern matches. */
import { LRUCache } from 'lru-cache'
import { RE2JS } from 're2js'
import type { RepositoryRow } from '../db/schema.ts'
import type { Tag } from '../oci/reference.ts'

export type TagRules = Pick<RepositoryRow, 'immutable_tags' | 'immutable_patterns'>

/** Patterns are people's input: RE2 matches them in time linear in the tag. */
const compiled = new LRUCache<string, RE2JS>({ max: 1000 })

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  const made = RE2JS.compile(pattern)
  compiled.set(pattern, made)
  return made
}

/** True when the pattern can be compiled; the management API refuses others before they are stored. */
export function isTagPattern(pattern: string): boolean {
  try {
    compile(pattern)
    return true
  } catch {
    return false
  }
}

/** Whether the repository's rules bind this tag. A pattern must match the whole tag. */
export function isImmutable(rules: TagRules, tag: Tag): boolean {
  if (rules.immutable_tags === 'none') return false
  if (rules.immutable_tags === 'all') return true
  const patterns = JSON.parse(rules.immutable_patterns) as string[]
  return patterns.some((pattern) => compile(pattern).matcher(tag).matches())
}
