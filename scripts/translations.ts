/**
 * Holds the Japanese pages in step with the English ones: `README.ja.md` with `README.md`, and so on. A test asks `faultsOf`.
 * `npm run translations` prints what is out of step; with `-- --accept PAGE#SECTION` (or PAGE alone) it notes that the Japanese says
 * what the English says now.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import { type Section, sectionsOf, withMarks } from './translated-page.ts'

const root = resolve(import.meta.dir, '..')
const JAPANESE = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u

/** English pages that have a Japanese one, from the root. */
export function translatedPages(): string[] {
  const found = ['', 'docs/'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => folder + name))
  return found.filter((path) => path.endsWith('.ja.md')).map((path) => path.replace(/\.ja\.md$/, '.md'))
}

const japaneseOf = (path: string) => path.replace(/\.md$/, '.ja.md')
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

/** What is out of step, a sentence each that says what to do; none: all is well. `path` as `docs/tutorial.md`. */
export function faultsOf(path: string, english: string, japanese: string): string[] {
  const own = japaneseOf(path)
  const [from, to] = [sectionsOf(english), sectionsOf(japanese)]
  const outline = (sections: readonly Section[]) => sections.map(({ level }) => '#'.repeat(level)).join(' ')
  if (outline(from) !== outline(to)) {
    const at = from.findIndex(({ level }, index) => to[index]?.level !== level)
    const where = from[at] === undefined ? 'after the last section' : `at "${from[at]?.title}"`
    return [`${own}: its headings are ${outline(to)}, want those of ${path}, ${outline(from)}: they part ${where}`]
  }
  return [
    ...(english.includes(`[日本語](${nameOf(own)})`) ? [] : [`${path}: want the link [日本語](${nameOf(own)})`]),
    ...(japanese.includes(`[English](${nameOf(path)})`) ? [] : [`${own}: want the link [English](${nameOf(path)})`]),
    ...from.flatMap((section, index) => sectionFaults(path, section, to[index] as Section)),
  ]
}

function sectionFaults(path: string, english: Section, japanese: Section): string[] {
  const where = `${japaneseOf(path)}, "${japanese.title}" (${path}#${english.slug})`
  const same = (what: string, want: readonly string[], got: readonly string[]) =>
    JSON.stringify(want) === JSON.stringify(got)
      ? []
      : [`${where}: its ${what} differ: missing ${list(want, got)}; not wanted ${list(got, want)}`]
  return [
    ...same('blocks of code', english.code, japanese.code),
    ...same('names between backticks', english.names, japanese.names),
    ...same('links', wantedLinks(english, path), ownLinks(japanese, path)),
    ...same('tables (cells of each row)', english.tables, japanese.tables),
    ...(english.prose === '' || JAPANESE.test(japanese.prose) ? [] : [`${where}: is not in Japanese`]),
    ...(english.digest === japanese.of
      ? []
      : [
          `${where}: the English was changed. Bring the Japanese in step, then run ` +
            `npm run translations -- --accept '${path}#${english.slug}' (it sets <!-- of: ${english.digest} --> there)`,
        ]),
  ]
}

/** What stands in `all` and not in `but`, as often as it does. */
function list(all: readonly string[], but: readonly string[]): string {
  const left = [...but]
  const missing = all.filter((one) => {
    const at = left.indexOf(one)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  return missing.length === 0 ? 'nothing' : missing.map((one) => JSON.stringify(one)).join(', ')
}

/** Where the Japanese has to lead: to Japanese pages where there are. The links between the two are asked for on their own. */
function wantedLinks({ links }: Section, path: string): string[] {
  const pages = translatedPages()
  const wanted = links.map((link) => {
    const [page = '', section] = link.split('#')
    if (!pages.includes(posix.join(posix.dirname(path), page))) return link
    return japaneseOf(page) + (section === undefined ? '' : '#')
  })
  return wanted.filter((link) => link !== nameOf(japaneseOf(path))).toSorted()
}

/** Sections are called otherwise in Japanese. */
function ownLinks({ links }: Section, path: string): string[] {
  const own = links.map((link) => link.replace(/(\.ja\.md#).+/, '$1'))
  return own.filter((link) => link !== nameOf(path)).toSorted()
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')

export function faultsOfAll(): string[] {
  return translatedPages().flatMap((path) => faultsOf(path, read(path), read(japaneseOf(path))))
}

/** @param what `docs/tutorial.md#sign-in`, or a page alone: each of its sections */
function accept(what: string): void {
  const [path = '', slug] = what.split('#')
  if (!translatedPages().includes(path))
    throw new Error(`${path} has no ${japaneseOf(path)}; want ${translatedPages().join(' or ')}`)
  const own = read(japaneseOf(path))
  const all = sectionsOf(read(path)).map((section, index) => ({ ...section, index }))
  const chosen = slug === undefined ? all : all.filter((section) => section.slug === slug)
  if (chosen.length === 0)
    throw new Error(`${path} has no section ${slug}; want ${all.map((one) => one.slug).join(', ')}`)
  writeFileSync(
    join(root, japaneseOf(path)),
    withMarks(own, new Map(chosen.map(({ index, digest }) => [index, digest]))),
  )
}

if (import.meta.main) {
  const [option, ...named] = process.argv.slice(2)
  try {
    if (option === '--accept' && named.length > 0) named.forEach(accept)
    else if (option !== undefined) throw new Error('want nothing, or --accept PAGE#SECTION …')
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(2)
  }
  const faults = faultsOfAll()
  for (const fault of faults) console.log(fault)
  process.exit(faults.length === 0 ? 0 : 1)
}
