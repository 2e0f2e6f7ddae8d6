// What a Markdown page is made of, as far as its translation has to have the same: headings, code, links, tables; and the words of each section.
import { createHash } from 'node:crypto'

export interface Section {
  readonly level: number
  readonly title: string
  /** As a link would name it: `your-own-upstream`. */
  readonly slug: string
  /** Blocks between fences, the fences too. */
  readonly code: readonly string[]
  /** Words between backticks, in any order: sentences are ordered otherwise in another language. */
  readonly names: readonly string[]
  /** Where links and pictures lead, in any order. */
  readonly links: readonly string[]
  /** Of each table the number of cells, row by row. */
  readonly tables: readonly string[]
  /** Its words without the blocks of code. */
  readonly prose: string
  /** What the mark below the heading of a translation says: the digest of the section that it is of. */
  readonly of: string | undefined
  /** Of title and prose, however its lines are broken. */
  readonly digest: string
}

const FENCE = /^```[^\n]*\n[\s\S]*?^```$/gm
const MARK = /^<!-- of: (\S+) -->$/m
/** Stands for a block of code, by its number. */
const HIDDEN = '\u{e000}'
const PLACE = new RegExp(`${HIDDEN}(\\d+)${HIDDEN}`, 'g')

/** A page as its sections, in their order; it begins with a heading. */
export function sectionsOf(page: string): Section[] {
  const { parts, blocks } = split(page)
  return parts.map((part) => sectionOf(part, blocks))
}

/** A part a heading; a line in a block of code that begins with # is none, so the blocks are held apart. */
function split(page: string): { readonly parts: readonly string[]; readonly blocks: readonly string[] } {
  const blocks: string[] = []
  const hidden = page.replace(FENCE, (block) => `${HIDDEN}${blocks.push(block) - 1}${HIDDEN}`)
  const parts = hidden.split(/^(?=#{1,6} )/m)
  if (!parts[0]?.startsWith('#'))
    throw new Error(`want a heading in the first line, got ${JSON.stringify(page.slice(0, 60))}`)
  return { parts, blocks }
}

function sectionOf(part: string, blocks: readonly string[]): Section {
  const [, signs = '', title = ''] = /^(#+) (.*)/.exec(part) ?? []
  const body = part.slice(part.indexOf('\n') + 1).replace(MARK, '')
  const code = [...body.matchAll(PLACE)].map(([, index]) => blocks[Number(index)] ?? '')
  const prose = body.replace(PLACE, '').trim()
  return {
    level: signs.length,
    title,
    slug: title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
    code,
    names: [...prose.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace(/\s+/g, ' ')).toSorted(),
    links: [...prose.matchAll(/\]\(([^)\s]+)\)|<(https?:[^>]+)>/g)]
      .map(([, link, plain]) => link ?? plain ?? '')
      .toSorted(),
    tables: tablesOf(prose),
    prose,
    of: MARK.exec(part)?.[1],
    digest: createHash('sha256')
      .update(`${title}\n${prose.replace(/\s+/g, ' ')}`)
      .digest('hex')
      .slice(0, 12),
  }
}

function tablesOf(prose: string): string[] {
  return [...prose.matchAll(/(?:^\|.*\|$\n?)+/gm)].map(([table]) =>
    table
      .trim()
      .split('\n')
      .map((row) => row.replaceAll('\\|', '').split('|').length - 2)
      .join(' '),
  )
}

/** The page with these marks set, each by the place of its section. */
export function withMarks(page: string, marks: ReadonlyMap<number, string>): string {
  const { parts, blocks } = split(page)
  return parts
    .map((part, index) => {
      const mark = marks.get(index)
      if (mark === undefined) return part
      return part.replace(/^<!-- of: \S+ -->\n/m, '').replace('\n', `\n<!-- of: ${mark} -->\n`)
    })
    .join('')
    .replace(PLACE, (_, index) => blocks[Number(index)] ?? '')
}
