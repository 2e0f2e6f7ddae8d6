import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  compareTagAge,
  findTagVersion,
  findVersionRange,
  formatTagVersion,
  isInRange,
  newestFirst,
} from '../../src/oci/tag-version.ts'

const versionOf = (tag: string) => {
  const version = findTagVersion(tag)
  return version && formatTagVersion(version)
}

test.each([
  ['3', '3.0.0'],
  ['3.13', '3.13.0'],
  ['v3.13.2', '3.13.2'],
  ['3.13-slim', '3.13.0'],
  ['3.13.9-debian13-dev', '3.13.9'],
  ['1.27.3-alpine3.20', '1.27.3'],
  ['17.0.2_8-jdk', '17.0.2'],
  ['1.2.3.4', '1.2.3'],
  ['1.2.3-2', '1.2.3'],
  ['3.14.0a1', '3.14.0-alpha.1'],
  ['3.14-rc', '3.14.0-rc.0'],
  ['3.14.0-rc.2-slim', '3.14.0-rc.2'],
  ['1.0.0-beta3', '1.0.0-beta.3'],
  ['3-alpine', '3.0.0'],
  ['latest', undefined],
  ['bookworm', undefined],
  ['1a2b3c4', undefined],
  ['sha-1234567', undefined],
])('%s is version %s', (tag, version) => {
  expect(versionOf(tag)).toBe(version)
})

test('ranges take variants, and pre-releases only where they name one', () => {
  const tags = ['3', '3.10', '3.11', '3.13-slim', 'v3.13.2', '3.14.0rc1', '3.14.0', '4', '4.0.0-alpha.1', 'latest']
  const inRange = (text: string) => {
    const range = findVersionRange(text)
    if (range === undefined) throw new Error('no range')
    return tags.filter((tag) => {
      const version = findTagVersion(tag)
      return version !== undefined && isInRange(version, range)
    })
  }
  expect(inRange('>=3.11 <4')).toEqual(['3.11', '3.13-slim', 'v3.13.2', '3.14.0'])
  expect(inRange('>=3.14.0-rc.0 <4')).toEqual(['3.14.0rc1', '3.14.0'])
  expect(inRange('3.x')).toEqual(['3', '3.10', '3.11', '3.13-slim', 'v3.13.2', '3.14.0'])
  for (const bad of ['', ' ', 'new', '>=', '3.11 to 4']) expect([bad, findVersionRange(bad)]).toEqual([bad, undefined])
})

describe('the order of tags', () => {
  test('is by version, then plain names after their variants', () => {
    const order = [
      'edge',
      'latest',
      '1.9',
      '1.10.0-rc1',
      '1.10-alpine3.9',
      '1.10-alpine3.20',
      '1.10',
      '1.10.0',
      '1.10.1',
      '2',
    ]
    expect([...order].reverse().sort(compareTagAge)).toEqual(order)
    expect(newestFirst(order)).toEqual([...order].reverse())
  })

  test('is total: it sorts any names in one way', () => {
    const part = fc.constantFrom('v', '1', '2', '10', '01', '.', '-', '_', 'rc', 'a', 'slim', 'alpine', 'latest')
    const tag = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(tag, tag, tag, (a, b, c) => {
        expect(Math.sign(compareTagAge(a, b))).toBe(0 - Math.sign(compareTagAge(b, a)))
        expect(compareTagAge(a, b) === 0).toBe(a === b)
        const [x, y, z] = [a, b, c].sort(compareTagAge) as [string, string, string]
        expect([compareTagAge(x, y) <= 0, compareTagAge(y, z) <= 0, compareTagAge(x, z) <= 0]).toEqual([
          true,
          true,
          true,
        ])
      }),
      { numRuns: 2000 },
    )
  })
})
