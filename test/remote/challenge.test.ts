import { describe, expect, test } from 'bun:test'
import { chooseChallenge, parseChallenges } from '../../src/remote/challenge.ts'

const CASES: [string, string | null, [string, Record<string, string>][]][] = [
  ['no header', null, []],
  ['an empty header', '', []],
  [
    'a quoted Bearer with a comma in its scope',
    'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push"',
    [['bearer', { realm: 'https://auth.test/token', service: 'registry.test', scope: 'repository:a/b:pull,push' }]],
  ],
  [
    'unquoted values',
    'Bearer realm=https://auth.test/token?x=1,service=svc',
    [['bearer', { realm: 'https://auth.test/token?x=1', service: 'svc' }]],
  ],
  [
    'keys and scheme in other letters, spaces about',
    'BEARER  Realm = "r" , Service="s"',
    [['bearer', { realm: 'r', service: 's' }]],
  ],
  ['escapes in quoted values', 'Basic realm="a \\"b\\" \\\\c"', [['basic', { realm: 'a "b" \\c' }]]],
  [
    'several challenges in one header',
    'Negotiate, Basic realm="x", Bearer realm="r",service="s"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'r', service: 's' }],
    ],
  ],
  [
    'a token68',
    'Negotiate YWJjZGVm==, Basic realm="x"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  ['an empty value', 'Bearer realm="r",service=,scope=""', [['bearer', { realm: 'r', service: '', scope: '' }]]],
  ['a scheme alone', 'Basic', [['basic', {}]]],
  ['rubbish between', 'Bearer realm="r",@@@,service="s"', [['bearer', { realm: 'r', service: 's' }]]],
  ['the first of two equal keys', 'Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
]

describe('WWW-Authenticate (RFC 9110 section 11.6.1)', () => {
  test.each(CASES)('reads %s', (_, header, want) => {
    expect(parseChallenges(header).map(({ scheme, params }) => [scheme, { ...params }])).toEqual(want as never)
  })

  test('prefers Bearer to Basic, and takes nothing else', () => {
    const choose = (header: string) => chooseChallenge(parseChallenges(header))?.scheme
    expect(choose('Basic realm="x", Bearer realm="r"')).toBe('bearer')
    expect(choose('Negotiate, Basic realm="x"')).toBe('basic')
    expect(choose('Bearer service="no realm", Basic realm="x"')).toBe('basic')
    expect(choose('Negotiate, NTLM')).toBeUndefined()
  })

  test('a long header of rubbish is read to its end', () => {
    // In quadratic time these would run into the test's own limit.
    expect(parseChallenges(`Bearer ${'a="\\'.repeat(200_000)}`).length).toBeGreaterThan(0)
    expect(parseChallenges('a'.repeat(2_000_000))).toHaveLength(1)
    expect(parseChallenges(`Basic ${'a'.repeat(2_000_000)} "`)).toHaveLength(2)
  })
})
