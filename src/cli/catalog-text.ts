/** Catalogs as people read them. */
import type { CatalogDetail, CatalogEntry, CatalogState } from '../api/catalog.ts'
import { age } from './format.ts'
import { blocks, lines, properties, table } from './table.ts'

const SOURCES = {
  registry: "the registry's own list",
  given: 'the list that was given',
  definitions: 'its definitions (the registry lists nothing)',
} as const

const FROM = { server: 'a folder of the server', sample: 'the sample' } as const

export function entriesText(entries: readonly CatalogEntry[], total: number): string {
  const rows = entries.map((entry) => [
    `${entry.upstream}/${entry.repository}`,
    entry.title ?? '-',
    entry.kind ?? '-',
    entry.compliance.join(',').toUpperCase() || '-',
    supportText(entry),
    entry.mirrors.join(', ') || '-',
  ])
  const empty = total === 0 ? 'Nothing to list.' : `None of ${total} entries is like that.`
  return table(['source', 'title', 'kind', 'compliance', 'support', 'mirrors'], rows, empty)
}

function supportText(of: { readonly support: string | null; readonly supportedUntil: string | null }): string {
  if (of.support === null) return '-'
  return of.support === 'ended' ? `ended ${of.supportedUntil}` : `${of.support} until ${of.supportedUntil}`
}

export function detailText(entry: CatalogDetail, program: string): string {
  const source = `${entry.upstream}/${entry.repository}`
  const until = (variant: CatalogDetail['variants'][number]) =>
    supportText({ ...variant, supportedUntil: variant.endOfLife ?? variant.endOfSupport })
  const isHeld = (variant: CatalogDetail['variants'][number]) =>
    variant.mirrored.map(({ repository, tags }) => `${repository} (${tags})`).join(', ') || '-'
  return blocks([
    properties([
      ['source', source],
      ['title', entry.title ?? undefined],
      ['about', entry.description ?? undefined],
      ['kind', entry.kind ?? undefined],
      ['categories', entry.categories.join(', ') || undefined],
      ['compliance', entry.compliance.join(', ').toUpperCase() || undefined],
      ['home', entry.homeUrl ?? undefined],
      ['mirrors', entry.mirrors.join(', ') || `none; ${program} mirror start ${source}`],
    ]),
    entry.variants.length === 0
      ? ''
      : `\n${table(
          ['variant', 'on', 'newest tags', 'compliance', 'packages by', 'shell', 'user', 'support', 'mirrored'],
          entry.variants.map((variant) => [
            variant.name,
            variant.distribution ?? '-',
            variant.tags.slice(0, 3).join(', ') + (variant.tags.length > 3 ? ', …' : ''),
            variant.compliance.join(',').toUpperCase() || '-',
            variant.packageManager ?? '-',
            variant.shell ?? '-',
            variant.user ?? '-',
            until(variant),
            isHeld(variant),
          ]),
          '',
        )}`,
  ])
}

export function stateText(catalog: CatalogState, program: string): string {
  const { definitions, problem } = catalog
  return blocks([
    properties([
      ['catalog', catalog.upstream],
      ['entries', String(catalog.entries)],
      ['names from', catalog.source === null ? 'not read yet' : SOURCES[catalog.source]],
      ['read', catalog.readAt === null ? 'never' : age(catalog.readAt, '-')],
      ['next', catalog.refreshing ? 'now' : (catalog.nextAt ?? 'when somebody looks at it')],
      ['problem', problem === null ? undefined : `${problem.message} (since ${problem.since})`],
      ['definitions', definitions === null ? 'none' : definitionsText(definitions)],
    ]),
    lines((definitions?.notes ?? []).map((note) => `  ${note}`)),
    problem === null || catalog.entries === 0
      ? ''
      : lines([
          `What was read before is kept. If it is right now: ${program} catalog refresh ${catalog.upstream} --accept-shrink`,
        ]),
  ])
}

function definitionsText(definitions: NonNullable<CatalogState['definitions']>): string {
  const from = definitions.from === 'url' ? (definitions.url ?? 'an address') : FROM[definitions.from]
  const what = `${definitions.entries} of ${from}`
  return definitions.problem === null ? what : `${what}; ${definitions.problem}`
}
