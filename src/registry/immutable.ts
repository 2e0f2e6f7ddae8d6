/** Tags that may not be overwritten or deleted once they exist: all of a repository's, none, or those that a pattern matches. */
import { LRUCache } from 'lru-cache'
import type { RepositoryRow } from '../db/schema.ts'
import type { Tag } from '../oci/reference.ts'
import { findPatternFault, matchesTag } from '../oci/tag-patterns.ts'

export type TagRules = Pick<RepositoryRow, 'immutable_tags' | 'immutable_patterns'>

/** What the patterns say of a tag never changes, so it may be asked before a transaction and remembered inside it. */
const verdicts = new LRUCache<string, { readonly why: string | undefined }>({
  maxSize: 8 * 1024 * 1024,
  sizeCalculation: (_, key) => key.length + 200,
})
/** By the stored list of patterns. */
const rules = new LRUCache<string, { readonly patterns: readonly string[]; readonly fault: string | undefined }>({
  maxSize: 1024 * 1024,
  sizeCalculation: (_, key) => 2 * key.length + 200,
})

/**
 * Why the tag may be neither moved nor deleted; undefined: it may. A pattern must match the whole tag. Stored patterns that are
 * not taken any more (too heavy, say) might match any tag: then every tag is immutable until somebody changes them.
 * @returns a sentence's end: `is immutable`
 */
export function whyImmutable(
  { immutable_tags: mode, immutable_patterns: text }: TagRules,
  tag: Tag,
): string | undefined {
  if (mode === 'none') return undefined
  if (mode === 'all') return 'is immutable'
  const key = `${text}\n${tag}`
  const known = verdicts.get(key)
  if (known !== undefined) return known.why
  const { patterns, fault } = readRules(text)
  const isMatch = fault === undefined && patterns.some((pattern) => matchesTag(pattern, tag))
  const doubt = `counts as immutable, because the repository's patterns cannot be used (${fault}): an admin of the repository should change them`
  const why = fault === undefined ? (isMatch ? 'is immutable' : undefined) : doubt
  verdicts.set(key, { why })
  return why
}

/**
 * Finds the verdicts on these tags while nobody waits, so that the transaction that needs them only looks them up. Between two
 * tags others have their turn.
 */
export async function prepareVerdicts(of: TagRules | undefined, tags: readonly Tag[]): Promise<void> {
  if (of?.immutable_tags !== 'patterns') return
  for (const tag of tags) {
    whyImmutable(of, tag)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function readRules(text: string) {
  const known = rules.get(text)
  if (known !== undefined) return known
  const patterns = JSON.parse(text) as string[]
  const made = { patterns, fault: findPatternFault(patterns) }
  rules.set(text, made)
  return made
}
