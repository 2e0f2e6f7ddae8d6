// Every word of the page stands in the languages' files, is used, and is in every language.
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { en } from '../../src/web/text/en/index.ts'
import { ja } from '../../src/web/text/ja/index.ts'

const WEB = join(import.meta.dir, '../../src/web')
const sources = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.tsx') && !path.startsWith('text/'))
  .map((path) => readFileSync(join(WEB, path), 'utf8'))
const code = sources.join('\n')

type Tree = { readonly [key: string]: unknown }

function leaves(tree: Tree, path: readonly string[] = []): { path: readonly string[]; value: unknown }[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null
      ? leaves(value as Tree, [...path, key])
      : [{ path: [...path, key], value }],
  )
}

test('each is used', () => {
  const unused = leaves(en)
    .map(({ path }) => path)
    .filter((path) => {
      const key = path.at(-1) ?? ''
      const parent = path.at(-2) ?? ''
      // By its name, or by a name that is known only when the page runs.
      const isNamed = new RegExp(`\\.${key.replace(/\W/g, '\\$&')}\\b`).test(code)
      return !isNamed && !new RegExp(`\\b${parent}\\[|Object\\.entries\\(text\\.\\w+\\.${parent}\\)`).test(code)
    })
    .map((path) => path.join('.'))
    .filter((path) => path !== 'languageName')
  expect(unused).toEqual([])
})

test('each is in every language, and is another there', () => {
  const inEnglish = new Map(leaves(en).map(({ path, value }) => [path.join('.'), value]))
  expect(leaves(ja).map(({ path }) => path.join('.'))).toEqual([...inEnglish.keys()])
  const same = leaves(ja).filter(({ path, value }) => value === inEnglish.get(path.join('.')))
  expect(same).toEqual([])
})

test('no page has words of its own', () => {
  // Text between tags, and the properties that people read or hear.
  const found = sources.flatMap((source) => [
    ...source.matchAll(/>\s*\n?\s*([A-Z][A-Za-z ,.']{3,})\s*<\/|(?:label|title|placeholder|description)="([^"]+)"/g),
  ])
  expect(found.map(([text]) => text.replace(/\s+/g, ' '))).toEqual([])
})
