// A condition in SQL of our own stands beside others: where it says `or` it has brackets, else it undoes what stands before it.
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const SRC = join(import.meta.dir, '../../src')

/** Texts of the templates that `sql` is put before, what is put in left out. */
function sqlTexts(code: string): string[] {
  return [...code.matchAll(/\bsql(?:<[^`]*?>)?`((?:[^`\\]|\\.)*)`/g)].map(([, text = '']) =>
    text.replace(/\$\{[^}]*\}/g, '?'),
  )
}

/** Whether an `or` stands in no brackets. */
function hasBareOr(text: string): boolean {
  let bare = text
  for (let before = ''; before !== bare; ) {
    before = bare
    bare = bare.replace(/\([^()]*\)/g, '')
  }
  return /\bor\b/i.test(bare.replace(/'[^']*'/g, '')) && !/\binsert or\b/i.test(bare)
}

test('every or in SQL of our own stands in brackets', () => {
  expect(['a or b', '(a) or b', 'x in (1) OR y'].map(hasBareOr)).toEqual([true, true, true])
  expect(['(a or b)', "a = 'x or y'", 'exists (select 1 where (a or b))'].map(hasBareOr)).toEqual([false, false, false])
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const texts = files.flatMap((path) =>
    sqlTexts(readFileSync(join(SRC, path), 'utf8')).map((text) => `${path}: ${text}`),
  )
  expect(texts.length).toBeGreaterThan(50)
  expect(texts.filter((line) => hasBareOr(line.slice(line.indexOf(':'))))).toEqual([])
})
