/** Entries of a catalog as the API shows them. */
import type { CatalogDetail, CatalogEntry, CatalogState } from '../api/catalog.ts'
import type { ListedEntry } from '../db/mirrors/catalog-entries.ts'
import type { CatalogRow, UpstreamRow } from '../db/schema.ts'
import { joinCompliance } from './compliance.ts'
import { givenNames } from './refresh/names.ts'
import type { Detail, Facts, Summary, Variant } from './summary.ts'
import { supportOn } from './support.ts'

/** Tags of an entry that are looked for in each of its mirrors. */
export const MAX_LOOKED_FOR = 2000

interface Around {
  readonly upstream: string
  readonly mirrors: readonly string[]
  /** `2026-01-31` */
  readonly today: string
}

/** Of an entry that nothing but its name is known of. */
export const NAME_ALONE: Omit<ListedEntry, 'repository'> = { summary: null, logo: null, facts: null }

/** What definitions say goes before what an image says of itself. */
export function renderCatalogEntry(row: ListedEntry, { upstream, mirrors, today }: Around): CatalogEntry {
  const summary = row.summary === null ? undefined : (JSON.parse(row.summary) as Summary)
  const facts = row.facts === null ? undefined : (JSON.parse(row.facts) as Facts)
  const ofImage = facts?.variant
  const dates = summary ?? { endOfSupport: ofImage?.endOfSupport ?? null, endOfLife: ofImage?.endOfLife ?? null }
  return {
    upstream,
    repository: row.repository,
    title: summary?.title ?? facts?.title ?? null,
    description: summary?.description ?? facts?.description ?? null,
    kind: summary?.kind ?? facts?.kind ?? null,
    categories: [...(summary?.categories ?? [])],
    distributions: [...(summary?.distributions ?? (ofImage?.distribution ? [ofImage.distribution] : []))],
    compliance: joinCompliance(summary?.compliance ?? [], ofImage?.compliance ?? []),
    support: supportOn(today, dates),
    supportedUntil: dates.endOfLife ?? dates.endOfSupport,
    updatedAt: facts?.created ?? summary?.released ?? null,
    words: summary?.words ?? '',
    logo: row.logo,
    mirrors: [...mirrors],
  }
}

/** @param tagsOf which of the tags each mirror has, by its name */
export async function renderCatalogDetail(
  row: ListedEntry & { readonly detail: string | null },
  around: Around,
  tagsOf: (mirror: string, tags: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<CatalogDetail> {
  const detail = row.detail === null ? undefined : (JSON.parse(row.detail) as Detail)
  const facts = row.facts === null ? undefined : (JSON.parse(row.facts) as Facts)
  const variants = variantsOf(detail, facts)
  const tags = [...new Set(variants.flatMap((variant) => variant.tags))].slice(0, MAX_LOOKED_FOR)
  const held: (readonly [string, ReadonlySet<string>])[] = []
  for (const mirror of around.mirrors) held.push([mirror, await tagsOf(mirror, tags)])
  const entry = renderCatalogEntry(row, around)
  return {
    ...entry,
    description: detail?.description ?? entry.description,
    overview: detail?.overview ?? null,
    guides: detail?.guides ?? null,
    homeUrl: detail?.homeUrl ?? facts?.homeUrl ?? null,
    tools: [...(detail?.tools ?? [])],
    alternatives: [...(detail?.alternatives ?? [])],
    variants: variants.map((variant) => ({
      ...variant,
      tags: [...variant.tags],
      platforms: [...variant.platforms],
      compliance: [...variant.compliance],
      support: supportOn(around.today, variant),
      mirrored: held.flatMap(([repository, there]) => {
        const number = variant.tags.filter((tag) => there.has(tag)).length
        return number === 0 ? [] : [{ repository, tags: number }]
      }),
    })),
  }
}

/** The image that was read is one of those that are defined: what it says is told of that one. */
function variantsOf(detail: Detail | undefined, facts: Facts | undefined): readonly Variant[] {
  if (detail === undefined || detail.variants.length === 0) return facts === undefined ? [] : [facts.variant]
  if (facts === undefined) return detail.variants
  return detail.variants.map((variant) =>
    variant.definition !== null && variant.definition === facts.variant.definition
      ? {
          ...variant,
          compliance: joinCompliance(variant.compliance, facts.variant.compliance),
          packageManager: variant.packageManager ?? facts.variant.packageManager,
          shell: variant.shell ?? facts.variant.shell,
        }
      : variant,
  )
}

/** @param seesAddress whether the caller may see where definitions are fetched from, with all that its address holds */
export function renderCatalogState(
  upstream: UpstreamRow,
  organization: string | null,
  row: CatalogRow | undefined,
  o: { readonly now: string; readonly seesAddress: boolean },
): CatalogState {
  const { problem_code: code, problem, problem_since: since } = row ?? {}
  const url = row?.definitions_url ?? null
  const from = row?.definitions_from ?? (url === null ? null : 'url')
  return {
    upstream: upstream.name,
    organization,
    source: row?.source ?? null,
    entries: row?.entries ?? 0,
    given: givenNames(row)?.length ?? null,
    readAt: row?.read_at ?? null,
    triedAt: row?.tried_at ?? null,
    nextAt: row?.next_at ?? null,
    refreshing: row !== undefined && row.next_at !== null && row.next_at <= o.now,
    problem: code && problem && since ? { code, message: problem, since } : null,
    definitions:
      from === null || row === undefined
        ? null
        : {
            from,
            url: from === 'url' && url !== null ? shownUrl(url, o.seesAddress) : null,
            entries: row.definitions_entries,
            readAt: row.definitions_read_at,
            problem: row.definitions_problem,
            notes: JSON.parse(row.definitions_notes) as string[],
          },
  }
}

/** What is asked for may be a secret. */
function shownUrl(text: string, isWhole: boolean): string {
  const url = new URL(text)
  return isWhole ? url.href : `${url.origin}${url.pathname}`
}
