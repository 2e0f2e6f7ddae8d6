/**
 * Patterns over claims: exact, but for `*` (within one component: neither `/` nor `:`) and `**` (anything). Matched by the linear-time
 * engine, and bounded, since both sides are others' words.
 */
import { re2 } from '../../oci/re2.ts'

export const MAX_PATTERN_LENGTH = 500
/** A longer value matches nothing. */
const MAX_VALUE_LENGTH = 2000
const STEP = /\*\*|\*|[^*]+/g

/** Why it is no condition; undefined: it is one. */
export function findClaimPatternFault(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return `${pattern.length} characters, want at most ${MAX_PATTERN_LENGTH}`
  }
  if (/\p{Cc}/u.test(pattern)) return 'want no control characters'
  if (/^[*/:]*$/.test(pattern)) return 'matches whatever there is: want some text that is known'
  return undefined
}

/** The text before the first wildcard. */
export function literalBeginning(pattern: string): string {
  return pattern.split('*', 1)[0] ?? ''
}

/** Whether the whole value matches. */
export function matchesClaim(pattern: string, value: string): boolean {
  if (!pattern.includes('*')) return value === pattern
  if (value.length > MAX_VALUE_LENGTH) return false
  const steps = (pattern.match(STEP) ?? []).map((step) =>
    step === '**' ? '(?s:.*)' : step === '*' ? '[^/:]*' : re2().quote(step),
  )
  return re2().compile(steps.join('')).testExact(value)
}
