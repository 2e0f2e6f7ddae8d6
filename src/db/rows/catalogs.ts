/** What upstreams have, as it was read: one row an upstream, one an entry, and what is long of an entry apart. */
import type { Flag } from './flag.ts'

export type CatalogSource = 'registry' | 'given' | 'definitions'
export type DefinitionsFrom = 'server' | 'sample' | 'url'

export interface CatalogRow {
  upstream_id: string
  /** JSON list that people gave; null: the registry's own. */
  names: string | null
  /** Where people said that definitions are; null: nowhere. */
  definitions_url: string | null
  /** When somebody last looked at it: nothing is read for nobody. */
  wanted_at: string
  source: CatalogSource | null
  entries: number
  /** The last good read of its names. */
  read_at: string | null
  tried_at: string | null
  /** When it is due; null: never. */
  next_at: string | null
  failed_reads: number
  problem_code: string | null
  problem: string | null
  problem_since: string | null
  accept_shrink: Flag
  definitions_from: DefinitionsFrom | null
  definitions_etag: string | null
  definitions_entries: number
  definitions_read_at: string | null
  definitions_problem: string | null
  /** JSON list of texts. */
  definitions_notes: string
  /** Raised by each change by people: a read under way that began before does not count. */
  version: number
}

export interface CatalogEntryRow {
  upstream_id: string
  repository: string
  /** JSON of `catalog/summary.ts`: what its definitions say; null: it has none. */
  summary: string | null
  /** Of all files of its definitions. */
  summary_digest: string | null
  logo: string | null
  /** JSON of `catalog/facts.ts`: what one of its images says; null: none was read. */
  facts: string | null
  /** The manifest that they were read from. */
  facts_digest: string | null
  facts_at: string | null
}

export interface CatalogTextRow {
  upstream_id: string
  repository: string
  /** JSON of `catalog/summary.ts`. */
  detail: string
  /** SVG, as somebody else wrote it. */
  logo: Uint8Array | null
}
