import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { compileGlob } from '../../src/lib/glob.ts'

test.each([
  ['3.*', '3.13-slim', true],
  ['3.*', '3', false],
  ['*-slim', '3.13-slim', true],
  ['*', '', true],
  ['?', '', false],
  ['3.1[0-3]', '3.12', true],
  ['3.1[0-3]', '3.14', false],
  ['[!v]*', 'v1', false],
  ['[!v]*', '1', true],
  ['a[b', 'a[b', true],
  ['https://slsa.dev/*', 'https://slsa.dev/provenance/v1', true],
  ['*a*a*b', 'aaaaaaaaab', true],
])('%s on %s: %p', (glob, text, isMatch) => {
  expect(compileGlob(glob)(text)).toBe(isMatch)
})

test('says what the expression says that it stands for, and is done soon whatever the stars', () => {
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*', '?'), maxLength: 12 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 16 })
  fc.assert(
    fc.property(glob, text, (pattern, tag) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
      expect(compileGlob(pattern)(tag)).toBe(expression.test(tag))
    }),
    { numRuns: 1000 },
  )
  expect(compileGlob(`${'*a'.repeat(90)}*b`)('a'.repeat(128))).toBe(false)
})
