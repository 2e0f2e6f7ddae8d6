// The Japanese pages say what the English ones say: README.ja.md, the tutorial, and whatever else has a `.ja.md` beside it.
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { sectionsOf, withMarks } from '../../scripts/translated-page.ts'
import { faultsOf, faultsOfAll, translatedPages } from '../../scripts/translations.ts'
import { en } from '../../src/web/text/en/index.ts'
import { ja } from '../../src/web/text/ja/index.ts'
import { readPage } from '../support/documented-commands.ts'

const root = resolve(import.meta.dir, '../..')

test('README and the tutorial are in Japanese', () => {
  expect(translatedPages()).toEqual(expect.arrayContaining(['README.md', 'docs/tutorial.md']))
})

test('every Japanese page is in step with the English one', () => expect(faultsOfAll()).toEqual([]))

test('every link of these pages leads to a file', () => {
  const pages = translatedPages().flatMap((path) => [path, path.replace(/\.md$/, '.ja.md')])
  const lost = pages.flatMap((path) => {
    const links = sectionsOf(readFileSync(join(root, path), 'utf8')).flatMap((section) => section.links)
    const files = links.filter((link) => !link.includes('://')).map((link) => link.replace(/#.*/, ''))
    return files.filter((link) => !existsSync(join(root, dirname(path), link))).map((link) => `${path}: ${link}`)
  })
  expect(lost).toEqual([])
})

const ENGLISH = `# Ways

[日本語](ways.ja.md)

Two [ways](tutorial.md) out.

## The first way

It is \`short\`.

\`\`\`sh
# not a heading
kagami go
\`\`\`

| a | b |
|---|---|
| 1 | 2 |
`
const JAPANESE = `# 方法

[English](ways.md)

[方法](tutorial.ja.md)は 2 つあります。

## 第 1 の方法

\`short\` です。

\`\`\`sh
# not a heading
kagami go
\`\`\`

| a | b |
|---|---|
| 1 | 2 |
`
const inStep = withMarks(
  JAPANESE,
  new Map(
    faultsOf('docs/ways.md', ENGLISH, JAPANESE).map((fault, index) => [index, /of: (\w+)/.exec(fault)?.[1] ?? '']),
  ),
)

test('a page is in step once every section has the mark of its English one', () => {
  expect(faultsOf('docs/ways.md', ENGLISH, JAPANESE)).toHaveLength(2)
  expect(faultsOf('docs/ways.md', ENGLISH, inStep)).toEqual([])
  expect(inStep).toContain('## 第 1 の方法\n<!-- of: ')
  expect(inStep.replace(/<!-- of: \w+ -->\n/g, '')).toBe(JAPANESE)
})

test('lines may be broken otherwise', () => {
  expect(faultsOf('docs/ways.md', ENGLISH.replace('It is `short`', 'It\nis `short`'), inStep)).toEqual([])
})

test('a changed section is named, with what to do', () => {
  const [fault = '', ...others] = faultsOf('docs/ways.md', ENGLISH.replace('It is', 'It was'), inStep)
  expect(others).toEqual([])
  expect(fault).toMatch(
    /^docs\/ways\.ja\.md, "第 1 の方法" \(docs\/ways\.md#the-first-way\): the English was changed\..* npm run translations -- --accept 'docs\/ways\.md#the-first-way' \(it sets <!-- of: \w{12} --> there\)$/,
  )
})

test.each<readonly [what: string, from: string, to: string, said: string]>([
  ['a command', 'kagami go\n', 'kagami come\n', 'blocks of code differ: missing "```sh\\n# not a heading\\nkagami go'],
  ['a name', '`short`', '`long`', 'names between backticks differ: missing "short"; not wanted "long"'],
  ['a link', 'tutorial.ja.md', 'reference.md', 'links differ: missing "tutorial.ja.md"; not wanted "reference.md"'],
  ['a link to the English page', 'tutorial.ja.md', 'tutorial.md', 'links differ: missing "tutorial.ja.md"'],
  ['a row', '| 1 | 2 |\n', '', 'tables (cells of each row) differ: missing "2 2 2"; not wanted "2 2"'],
  [
    'the heading',
    '## 第',
    '### 第',
    'headings are # ###, want those of docs/ways.md, # ##: they part at "The first way"',
  ],
  ['the other language', '[English](ways.md)', '', 'want the link [English](ways.md)'],
  ['the language', '`short` です。', 'It is `short`.', 'is not in Japanese'],
])('%s that is another is told', (_, from, to, said) => {
  const changed = inStep.replace(from, to)
  expect(faultsOf('docs/ways.md', ENGLISH, changed)).toEqual([expect.stringContaining(said)])
})

type Tree = { readonly [key: string]: unknown }
const words = (tree: Tree): string[] =>
  Object.values(tree).flatMap((value) =>
    typeof value === 'string' ? [value] : typeof value === 'object' ? words(value as Tree) : [],
  )

test.each([
  ['tutorial', en],
  ['tutorial.ja', ja],
])('what docs/%s.md says to press is on the page', (page, text) => {
  const known = words(text)
  const named = [...readPage(page).matchAll(/(?<![*\\])\*([^*\n]+)\*(?!\*)/g)].map(([, label = '']) => label)
  expect(named.length).toBeGreaterThan(15)
  expect(named.filter((label) => !known.some((word) => word.startsWith(label)))).toEqual([])
})
