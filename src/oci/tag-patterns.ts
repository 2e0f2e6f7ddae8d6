/**
 * Regular expressions over tag names, as people write them. What one may cost is known before it is compiled: a linear-time
 * engine still pays for each repetition it unrolls, and for each class of Unicode (decision record 18).
 */
import { LRUCache } from 'lru-cache'
import type { RE2JS } from 're2js'
import { re2 } from './re2.ts'

/** Instructions of one compiled pattern; a few milliseconds and megabytes at most. */
const MAX_WEIGHT = 500
/** The same for all patterns of one repository: one tag is matched against all of them. */
const MAX_TOTAL_WEIGHT = 1000
const MAX_PATTERNS = 20
const MAX_LENGTH = 500

/** A compiled pattern's own cache may grow to 8 MB, whatever its weight: few are kept, verdicts are what is remembered. */
const compiled = new LRUCache<string, RE2JS>({ max: 16 })

/**
 * Why these patterns cannot be used together, `undefined` when they can. Nothing that is refused for its weight was compiled.
 * @param patterns RE2 syntax without classes of Unicode, code points beyond ASCII and `\Q…\E`: tags are ASCII
 */
export function findPatternFault(patterns: readonly string[]): string | undefined {
  if (patterns.length > MAX_PATTERNS) return `${patterns.length} patterns, want at most ${MAX_PATTERNS}`
  let total = 0
  for (const pattern of patterns) {
    const fault = faultOf(pattern)
    if (fault !== undefined) return `pattern ${shorten(pattern)}: ${fault}`
    total += weigh(pattern)
  }
  if (total <= MAX_TOTAL_WEIGHT) return undefined
  return `the patterns unroll to ${total} steps together, want at most ${MAX_TOTAL_WEIGHT}: use fewer or smaller repetitions`
}

function faultOf(pattern: string): string | undefined {
  if (pattern.length > MAX_LENGTH) return `${pattern.length} characters, want at most ${MAX_LENGTH}`
  if (!/^[\x20-\x7e]*$/.test(pattern)) return 'want printable ASCII: tags have nothing else'
  const beyond = /\\(?:\\|([pPQ]|x\{))/g
  for (const [, found] of pattern.matchAll(beyond)) {
    if (found !== undefined) return `\\${found} is not taken: tags are ASCII letters, digits, and . _ -`
  }
  const weight = weigh(pattern)
  if (weight > MAX_WEIGHT) {
    return `unrolls to ${weight} steps, want at most ${MAX_WEIGHT}: a tag has at most 128 characters, use smaller repetitions`
  }
  try {
    compile(pattern)
    return undefined
  } catch {
    return 'want a regular expression of RE2'
  }
}

/** Whether the pattern matches the whole tag. The caller knows that it has no fault. */
export function matchesTag(pattern: string, tag: string): boolean {
  return compile(pattern).testExact(tag)
}

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  const made = re2().compile(pattern)
  compiled.set(pattern, made)
  return made
}

const ATOM = /\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\{(\d+)(,?)(\d*)\}|[\s\S]/g

/**
 * An upper bound of the instructions that the pattern compiles to, in one pass over its text: each repetition counts as often
 * as it may be unrolled. More than `Number.MAX_SAFE_INTEGER` cannot be reached within MAX_LENGTH that RE2 would compile.
 */
export function weigh(pattern: string): number {
  const open: number[] = []
  let sum = 3
  let last = 0
  for (const [token, from, comma, to] of pattern.matchAll(ATOM)) {
    let step = 1
    if (token === '(') {
      open.push(sum)
      sum = 0
      last = 0
      continue
    }
    if (token === ')') {
      // With the two that capture the group, and the one of an empty group.
      last = sum + 3
      sum = (open.pop() ?? 0) + last
      continue
    }
    if (from !== undefined) {
      const times = Math.max(1, Number(from) + (comma !== '' && to === '' ? 1 : 0), Number(to ?? 0))
      step = (last + 1) * times - last
      last += step
    } else if (token === '*' || token === '+' || token === '?') {
      // What may be empty, and as often as one likes, is unrolled to one or more of it, or none.
      if (token === '*') step = 2
      last += step
    }
    // A branch may be empty, which is a step too.
    else if (token === '|') step = 2
    else last = 1
    sum += step
  }
  return open.reduce((all, one) => all + one, sum)
}

function shorten(text: string): string {
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 80)}…`)
}
