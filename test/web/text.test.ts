// Every word of the page stands in the languages' files, is used, and is in every language.
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SERVER_FIELDS } from '../../src/config/fields.ts'
import { ERROR_NOUNS, ERROR_REASONS } from '../../src/errors.ts'
import { en } from '../../src/web/text/en/index.ts'
import { ja, said as japanese } from '../../src/web/text/ja/index.ts'

const WEB = join(import.meta.dir, '../../src/web')
const sources = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !path.startsWith('text/'))
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

/** What a text says; one that has something put in, with a dash for each; nothing of one that wants more than that. */
function said(value: unknown): string {
  if (typeof value !== 'function') return String(value)
  const put: unknown = new Proxy({}, { get: (_, key) => (key === Symbol.toPrimitive ? () => '–' : '–') })
  try {
    return String(value(put, put, put, put))
  } catch {
    return ''
  }
}

/** Names that every language writes as they are. */
const NAMES = [
  'Webhook',
  'Webhooks',
  'URL',
  'VEX',
  'SBOM',
  'CVE',
  'CloudEvents',
  'OpenID Connect',
  'Kubernetes',
  'Helm',
]

/** By its name, or by a name that is known only when the page runs; a room that is taken whole may be asked for any of its words. */
function isUsed([room = '', ...path]: readonly string[]): boolean {
  const [first = ''] = path
  const [parent = room, key = first] = path.slice(-2)
  const named = (name: string) => new RegExp(`\\.${name.replace(/\W/g, '\\$&')}\\b`)
  const isWhole = new RegExp(`\\btext\\.${room}(?![\\w.])`).test(code)
  const isFound = isWhole || new RegExp(`\\btext\\s*\\.${room}\\s*\\.${first}\\b`).test(code)
  if (path.length <= 1) return isFound
  return (
    isFound &&
    (named(key).test(code) || new RegExp(`\\b${parent}\\[|Object\\.entries\\(text\\.\\w+\\.${parent}\\)`).test(code))
  )
}

test('each is used', () => {
  const unused = leaves(en)
    .map(({ path }) => path)
    .filter((path) => path[0] !== 'languageName' && !isUsed(path))
  expect(unused.map((path) => path.join('.'))).toEqual([])
})

test('each is in every language, and is another there', () => {
  const inEnglish = new Map(leaves(en).map(({ path, value }) => [path.join('.'), value]))
  expect(leaves(ja).map(({ path }) => path.join('.'))).toEqual([...inEnglish.keys()])
  const same = leaves(ja).filter(
    ({ path, value }) => value === inEnglish.get(path.join('.')) && !NAMES.includes(said(value)),
  )
  expect(same).toEqual([])
})

test('each is in its own script', () => {
  const japanese = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u
  expect(leaves({ ...en, languageName: '' }).filter(({ value }) => japanese.test(said(value)))).toEqual([])
  const others = leaves(ja).filter(({ value }) => {
    const words = said(value)
    return /\p{L}/u.test(words) && !japanese.test(words) && !NAMES.includes(words)
  })
  expect(others.map(({ path, value }) => `${path.join('.')}: ${said(value)}`)).toEqual([])
})

test('no page has words of its own', () => {
  // Text between tags, and the properties that people read or hear.
  const found = sources.flatMap((source) => [
    ...source.matchAll(/>\s*\n?\s*([A-Z][A-Za-z ,.']{3,})\s*<\/|(?:label|title|placeholder|description)="([^"]+)"/g),
  ])
  expect(found.map(([text]) => text.replace(/\s+/g, ' '))).toEqual([])
})

test('what settings are for, and defaults that are sentences, are told in every language', () => {
  const fields = Object.values<{ readonly variable: string; readonly fallback: string | undefined }>(SERVER_FIELDS)
  expect(Object.keys(japanese.settings)).toEqual(fields.map(({ variable }) => variable))
  const sentences = fields.filter(({ fallback = '' }) => fallback.includes(' '))
  expect(Object.keys(japanese.defaults)).toEqual(sentences.map(({ variable }) => variable))
})

test('words for what the server says are in their own script, whatever is put in, and nothing of it is missing', () => {
  const every = { what: 'リポジトリ acme/x ', where: '名前', hint: '', least: 1, most: 64, allowed: ['a', 'b'] }
  const none = { what: '', where: '', hint: '', least: undefined, most: undefined, allowed: [] }
  expect(Object.keys(japanese.reasons).sort()).toEqual([...ERROR_REASONS])
  expect(Object.keys(japanese.nouns).sort()).toEqual([...ERROR_NOUNS])
  const worded = [every, { ...every, allowed: [] }, none].flatMap((about) =>
    ERROR_REASONS.map((reason) => japanese.reasons[reason](about)),
  )
  expect(worded.filter((words) => !words.endsWith('。') && !words.includes(': '))).toEqual([])
  const script = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u
  const others = leaves(japanese as unknown as Tree).filter(({ path }) => path[0] !== 'reasons')
  expect(others.filter(({ value }) => !script.test(said(value)) && !NAMES.includes(said(value)))).toEqual([])
})
