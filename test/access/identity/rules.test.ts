import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { findClaimPatternFault, matchesClaim } from '../../../src/access/identity/claim-patterns.ts'
import { findMismatch, findRuleFault, isNear } from '../../../src/access/identity/rules.ts'
import { githubClaims } from '../../support/identity-issuer.ts'

const GITHUB = 'https://token.actions.githubusercontent.com'
const base = { issuer: 'https://ci.example', audience: 'https://kagami.example', subject: undefined, claims: {} }

describe('patterns of claims', () => {
  test.each([
    ['repo:acme/app', 'repo:acme/app', true],
    ['repo:acme/app', 'repo:acme/app2', false],
    ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:ref:refs/heads/main', true],
    ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:environment:x:ref:refs/heads/main', false],
    ['repo:acme/*', 'repo:acme/app:ref:refs/heads/main', false],
    ['repo:acme/**', 'repo:acme/app:ref:refs/heads/main', true],
    ['refs/heads/release-*', 'refs/heads/release-1.2', true],
    ['refs/heads/release-*', 'refs/heads/release-1/x', false],
    ['a.c', 'abc', false],
    ['(a|b)+', '(a|b)+', true],
    ['[bot]*', '[bot]1', true],
    ['x**', 'x\nline', true],
  ])('%p and %p: %p', (pattern, value, expected) => expect(matchesClaim(pattern, value)).toBe(expected))

  test('without a star a pattern is itself and nothing else', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (pattern, value) => {
        fc.pre(!pattern.includes('*'))
        return matchesClaim(pattern, pattern) && matchesClaim(pattern, value) === (pattern === value)
      }),
    )
  })

  test('what matches anything is no condition, and the longest patterns take no time', () => {
    for (const pattern of ['*', '**', '*/*', '**:**', '']) expect(findClaimPatternFault(pattern)).toContain('whatever')
    expect(findClaimPatternFault('x'.repeat(501))).toContain('501')
    expect(matchesClaim(`${'*a'.repeat(249)}b`, 'a'.repeat(2000))).toBe(false)
    expect(matchesClaim('a**', 'a'.repeat(2001))).toBe(false)
  })
})

describe('a rule', () => {
  test('without a condition, with too many, or about what is checked anyway is refused', () => {
    expect(findRuleFault(base)).toContain('without a condition')
    expect(findRuleFault({ ...base, claims: { repository: '**' } })).toContain('claim repository')
    expect(findRuleFault({ ...base, subject: '*' })).toContain('subject')
    expect(findRuleFault({ ...base, claims: { aud: 'x' } })).toContain('claim aud')
    expect(findRuleFault({ ...base, claims: { 'a b': 'x' } })).toContain('name of a claim')
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`c${index}`, 'x']))
    expect(findRuleFault({ ...base, claims: many })).toContain('21 claims')
    expect(findRuleFault({ ...base, claims: { repository: 'acme/app' } })).toBeUndefined()
  })

  test.each([
    [{ claims: { ref: 'refs/heads/main' } }, false],
    [{ claims: { repository: '**/app' } }, false],
    [{ claims: { repository: 'acme*' } }, false],
    [{ claims: { repository_owner: 'acme*' } }, false],
    [{ claims: { repository: 'acme/*' } }, true],
    [{ claims: { repository_owner: 'acme' } }, true],
    [{ claims: { repository_owner_id: '65' } }, true],
    [{ subject: 'repo:**' }, false],
    [{ subject: 'repo:acme**' }, false],
    [{ subject: 'repo:acme/**' }, true],
  ])('for an issuer that signs for everybody says for whom: %j %p', (conditions, isFine) => {
    const fault = findRuleFault({ ...base, issuer: GITHUB, ...conditions })
    expect(fault === undefined).toBe(isFine)
    if (!isFine) expect(fault).toContain('signs for everybody')
  })

  test('says in plain words what does not fit', () => {
    const claims = githubClaims('acme/app', 'refs/heads/main')
    const rule = { ...base, claims: { repository: 'acme/app', ref: 'refs/heads/main' } }
    expect(findMismatch(rule, claims)).toBeUndefined()
    expect(findMismatch({ ...rule, audience: 'other' }, claims)).toBe(
      'its audience is "https://kagami.example", want other',
    )
    expect(findMismatch({ ...rule, subject: 'x' }, claims)).toContain('its subject is "repo:acme/app:ref')
    expect(findMismatch(rule, { ...claims, ref: 'refs/heads/x' })).toBe(
      'its claim ref is "refs/heads/x", want refs/heads/main',
    )
    const { ref: _, ...without } = claims
    expect(findMismatch(rule, without)).toBe('its claim ref is absent, want refs/heads/main')
    expect(findMismatch(rule, { ...claims, aud: ['a', 'https://kagami.example'] })).toBeUndefined()
    expect(findMismatch({ ...base, claims: { constructor: 'x' } }, claims)).toContain('absent')
    expect(
      findMismatch({ ...base, claims: { admin: 'true', n: '7' } }, { ...claims, admin: true, n: 7 }),
    ).toBeUndefined()
    expect(findMismatch({ ...base, claims: { groups: 'a/*' } }, { ...claims, groups: ['b', 'a/c'] })).toBeUndefined()
    expect(findMismatch({ ...base, claims: { o: 'x' } }, { ...claims, o: { x: 1 } })).toContain('its claim o')
  })
})

describe('what a rule may have been meant for', () => {
  const github = { ...base, issuer: GITHUB }
  const ours = githubClaims('acme/app', 'refs/heads/other')
  const strangers = githubClaims('evil/app', 'refs/heads/main')
  test.each([
    [{ ...github, claims: { repository: 'acme/app', ref: 'refs/heads/main' } }],
    [{ ...github, claims: { repository: 'acme/*', ref: 'refs/heads/main' } }],
    [{ ...github, claims: { repository_owner_id: '65', ref: 'refs/heads/main' } }],
    [{ ...github, subject: 'repo:acme/app:ref:refs/heads/main' }],
  ])('%j is near to jobs of its owner, and to no job of a stranger', (rule) => {
    const foreign = { ...strangers, repository_owner_id: '66', repository_id: '75' }
    expect([isNear(rule, ours), isNear(rule, foreign)]).toEqual([true, false])
    expect([findMismatch(rule, ours), findMismatch(rule, foreign)].every((why) => why !== undefined)).toBe(true)
  })

  test('whoever has an issuer of their own signs for their own jobs', () => {
    expect(isNear({ ...base, claims: { repository: 'acme/app' } }, strangers)).toBe(true)
  })
})
