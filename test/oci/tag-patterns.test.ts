// Patterns for immutable tags: what one may cost is bounded before it is compiled, and doubt means immutable (issue 7, row 6).
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import type { Tag } from '../../src/oci/reference.ts'
import { findPatternFault, weigh } from '../../src/oci/tag-patterns.ts'
import { type TagRules, whyImmutable } from '../../src/registry/immutable.ts'

const rulesOf = (...patterns: string[]): TagRules => ({
  immutable_tags: 'patterns',
  immutable_patterns: JSON.stringify(patterns),
})

/** Patterns of nested parts, with everything that RE2 unrolls or folds. */
const { pattern: anyPattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      'a',
      'k',
      '.',
      '\\d',
      '\\.',
      '\\]',
      '[a-f0-9]',
      '[^a]',
      '[]a]',
      '[^]{3}]',
      '[[:alpha:](){9}]',
      '\\b',
      '^',
      '$',
      '{',
      '\\(',
    ),
    fc
      .tuple(fc.constantFrom('(', '(?:', '(?i:', '(?s:', '(?P<n>'), tie('pattern'))
      .map(([open, inner]) => `${open}${inner})`),
    fc
      .tuple(tie('part'), fc.constantFrom('*', '+', '?', '*?', '{3}', '{0}', '{2,}', '{1,9}', '{0,40}?', '{12}'))
      .map(([part, times]) => part + times),
  ),
  pattern: fc.oneof(
    { maxDepth: 4 },
    fc.array(tie('part'), { maxLength: 6 }).map((parts) => parts.join('')),
    fc.tuple(tie('pattern'), tie('pattern')).map((two) => two.join('|')),
  ),
}))

describe('Patterns for immutable tags', () => {
  test('the weight is never less than what the engine compiles to', () => {
    fc.assert(
      fc.property(anyPattern, (pattern) => {
        const weight = weigh(pattern)
        if (weight > 20_000) return
        let size: number
        try {
          size = RE2JS.compile(pattern).programSize()
        } catch {
          return
        }
        if (size > weight) throw new Error(`${JSON.stringify(pattern)} compiles to ${size}, weighed ${weight}`)
      }),
      { numRuns: 3000 },
    )
  })

  test('what people write is taken', () => {
    const patterns = [
      'v?\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?',
      'sha256-[a-f0-9]{64}\\.(sig|att|sbom)',
      '[a-f0-9]{40}',
      '(?i)release-.*',
      '\\d{4}-\\d{2}-\\d{2}T\\d{2}-\\d{2}',
      '(x+x+)+y',
      '.{1,128}',
    ]
    expect(findPatternFault(patterns)).toBeUndefined()
  })

  const refused: [string, string[], string][] = [
    ['a nest of repetitions', ['(?:a|ab|abc|b|bc){1000}'], 'steps'],
    ['nests that RE2 itself refuses', ['(a{1000}){1000}'], 'steps'],
    ['a nest in three levels', [`(?:(?:(?:${'a'.repeat(100)}){10}){10}){10}`], 'steps'],
    ['a class of Unicode', ['[\\p{L}]{100}'], '\\p'],
    ['a folded class of Unicode', [`(?i)${'\\pL'.repeat(100)}`], '\\p'],
    ['code points beyond ASCII', ['[a-\\x{1e942}]'], '\\x{'],
    ['letters beyond ASCII', ['ä+'], 'ASCII'],
    ['quoted text, which hides brackets', ['(?:(?:\\Q)\\E){10}){100}'], '\\Q'],
    ['too many that are light alone', Array.from({ length: 20 }, (_, i) => `${i}[a-f0-9]{64}`), 'together'],
    ['too many', Array.from({ length: 21 }, () => 'a'), '21'],
    ['no RE2', ['(?=x)'], 'RE2'],
  ]
  for (const [what, patterns, word] of refused) {
    test(`${what}: refused by name; where it is stored already, every tag is immutable and says why`, () => {
      expect(findPatternFault(patterns)).toContain(word)
      const why = whyImmutable(rulesOf(...patterns), 'any' as Tag)
      expect(why).toContain(word)
      expect(why).toContain('should change them')
    })
  }

  test('a pattern binds the tags that it matches as a whole', () => {
    const rules = rulesOf('v\\d+', '(x+x+)+y')
    for (let round = 0; round < 2; round++) {
      expect(whyImmutable(rules, 'v12' as Tag)).toBe('is immutable')
      expect(whyImmutable(rules, 'v12-rc' as Tag)).toBeUndefined()
      expect(whyImmutable(rules, 'x'.repeat(128) as Tag)).toBeUndefined()
      expect(whyImmutable(rules, `${'x'.repeat(127)}y` as Tag)).toBe('is immutable')
    }
  })
})
