// Globs over repository names: what they take, what is no glob, and that no glob costs more than its length.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { compileGlobs, findGlobFault } from '../../src/oci/repository-globs.ts'

test.each([
  ['python', ['python'], ['python3', 'a/python', 'pytho']],
  ['python*', ['python', 'python-dev'], ['python/app', 'a-python']],
  ['*', ['python'], ['team/app']],
  ['**', ['python', 'team/app', 'a/b/c'], []],
  ['team/*', ['team/app'], ['team/a/b', 'team']],
  ['team/**', ['team/app', 'team/a/b'], ['team', 'teams/app']],
  ['**/app', ['app', 'team/app', 'a/b/app'], ['team/apps', 'myapp']],
  ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['az', 'a/b']],
  ['node?', ['node1', 'node-'], ['node', 'node/', 'node12']],
  ['{go,node}*', ['go', 'node-dev'], ['python']],
  ['{a,b{c,d}}', ['a', 'bc', 'bd'], ['b', 'cd']],
  ['a.b', ['a.b'], ['axb']],
  ['go{,-dev}', ['go', 'go-dev'], ['go-']],
] as const)('%s', (glob, taken, left) => {
  expect(findGlobFault([glob])).toBeUndefined()
  const matches = compileGlobs([glob])
  for (const name of taken) expect([name, matches(name)]).toEqual([name, true])
  for (const name of left) expect([name, matches(name)]).toEqual([name, false])
})

test.each([
  ['', 'is empty'],
  ['Python', 'got "P"'],
  ['a b', 'got " "'],
  ['[ab]', 'got "["'],
  ['a\\*', 'got "\\\\"'],
  ['{a,b', 'a { without its }'],
  ['a}', 'a } without its {'],
  ['!go', 'got "!"'],
])('%j is refused: %s', (glob, why) => {
  expect(findGlobFault([glob])).toContain(why)
})

test('no globs take nothing, several take what any takes, and too many are refused', () => {
  expect(compileGlobs([])('go')).toBe(false)
  const matches = compileGlobs(['go', 'no*'])
  expect(['go', 'node', 'gone'].map(matches)).toEqual([true, true, false])
  expect(findGlobFault(Array(51).fill('a'))).toContain('at most 50')
  expect(findGlobFault(Array(20).fill('a'.repeat(101)))).toContain('at most 2000')
})

test('whatever is no fault compiles, and a name without wildcards takes itself alone', () => {
  const text = fc.array(fc.constantFrom(...'ab-_./*?{},'), { minLength: 1, maxLength: 20 }).map((all) => all.join(''))
  fc.assert(
    fc.property(text, (glob) => {
      if (findGlobFault([glob]) !== undefined) return
      const matches = compileGlobs([glob])
      if (!/[*?{},]/.test(glob)) expect([matches(glob), matches(`${glob}x`)]).toEqual([true, false])
      else matches('a-b/a')
    }),
  )
})

test('the worst glob over the longest name takes no time to speak of: it is matched without going back', () => {
  const glob = `${'*a'.repeat(100)}b`
  expect(compileGlobs([glob])('a'.repeat(255))).toBe(false)
})
