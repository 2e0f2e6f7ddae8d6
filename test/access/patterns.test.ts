import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { sql } from 'kysely'
import { findAccessPatternFault, fullPattern, likeOf, matchesPattern } from '../../src/oci/access-patterns.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const letters = fc.constantFrom('a', 'b', '_', '.', '-', '/', '%', '\\')
const name = fc.string({ unit: letters, maxLength: 12 })
const pattern = fc.string({ unit: fc.oneof(letters, fc.constant('*')), maxLength: 10 })

/** What a pattern means, word for word. */
function means(full: string, text: string): boolean {
  if (full === '') return text === ''
  if (full.startsWith('*')) return means(full.slice(1), text) || (text !== '' && means(full, text.slice(1)))
  return text !== '' && text[0] === full[0] && means(full.slice(1), text.slice(1))
}

describeOnEachEngine('patterns over repositories', (openFresh) => {
  test('mean the same to the program and to the database', async () => {
    const db = await openFresh()
    await fc.assert(
      fc.asyncProperty(pattern, fc.array(name, { minLength: 1, maxLength: 4 }), async (full, names) => {
        // Names that match are rare among random ones: some are made from the pattern.
        for (const text of [...names, full.replaceAll('*', names[0] ?? ''), full.replaceAll('*', '')]) {
          const { rows } = await sql<{ found: number }>`
            select case when ${text} like ${likeOf(full)} escape '\\' then 1 else 0 end as found`.execute(db.read)
          expect([full, text, matchesPattern(full, text)]).toEqual([full, text, means(full, text)])
          expect([full, text, rows[0]?.found === 1]).toEqual([full, text, means(full, text)])
        }
      }),
      { numRuns: 150 },
    )
  })

  test('the worst of them is decided in an instant', async () => {
    const db = await openFresh()
    const worst = `acme/${'*a'.repeat(120)}*b`
    const text = `acme/${'a'.repeat(250)}`
    expect(findAccessPatternFault('acme', worst)).toBeUndefined()
    const like = likeOf(worst)
    let steps = 0
    for (; steps < 200; steps++) {
      expect(matchesPattern(worst, text)).toBe(false)
      const { rows } = await sql<{ found: number }>`
        select case when ${text} like ${like} escape '\\' then 1 else 0 end as found`.execute(db.read)
      expect(rows[0]?.found).toBe(0)
    }
    expect(steps).toBe(200)
  })
})

test('a pattern is meant below its organization, and has one spelling', () => {
  expect(fullPattern('acme', 'dhi-*')).toBe('acme/dhi-*')
  expect(fullPattern('acme', 'acme/dhi-*')).toBe('acme/dhi-*')
  expect(fullPattern('acme', '**')).toBe('acme/*')
  expect(fullPattern('acme', 'other/app')).toBe('acme/other/app')
})

test('what could be the name of nothing is refused with what was got', () => {
  for (const good of ['*', 'dhi-*', '*-prod', 'team/*/app', 'acme/app', 'a__b*', 'app']) {
    expect([good, findAccessPatternFault('acme', good)]).toEqual([good, undefined])
  }
  for (const bad of [
    '',
    '/',
    'a//b',
    'App',
    'a*/',
    '-*',
    'a b',
    'a?',
    '[a]',
    'acme/',
    'a..*',
    '(a+)+',
    `${'a'.repeat(300)}`,
  ]) {
    expect([bad, findAccessPatternFault('acme', bad)]).toEqual([bad, expect.stringContaining('got')])
  }
})
