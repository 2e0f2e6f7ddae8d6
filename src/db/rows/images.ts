/** What images hold, as their attestations say. */
import type { Generated } from 'kysely'
import type { Flag } from './flag.ts'

export interface ImageRow {
  seq: Generated<number>
  organization_id: string
  /** Null (with `digest`): not shown; the image went, was read anew, or is being written down. */
  repository_id: string | null
  digest: string | null
  /** As `linux/arm64`; empty for an index and for what has none. */
  platform: string
  /** Of all that was read: another one means that it is to be read again. */
  documents_key: string
  /** JSON list of `ReadDocument`. */
  documents: string
  packages: number
  findings: number
  /** JSON `ImageSummary`. */
  summary: string
  /** Why not all of it is here; null: it is. */
  problem: string | null
  read_at: string
  /** About what it takes in the database. */
  bytes: number
  /** What it would take, were there room; 0: it was not left out. */
  wanted_bytes: number
}

export interface ImagePackageRow {
  image_seq: number
  /** By name; cursors of lists. */
  position: number
  organization_id: string
  /** What it is found by: the name or the source, in lower case. */
  term: string
  is_source: Flag
  name: string
  version: string
  type: string
  purl: string
  source: string
  licence: string
  /** JSON list of places in the image's `documents`. */
  documents: string
}

export interface ImageFindingRow {
  image_seq: number
  /** The gravest first. */
  position: number
  organization_id: string
  /** The id in upper case. */
  term: string
  vulnerability: string
  severity: string
  score: string
  package: string
  version: string
  fixed_in: string
  documents: string
  /** Of OpenVEX; `open`: no statement is about it. */
  status: string
  /** Place of the statement that counts among those of the image. */
  statement: number | null
  /** What the statement names, with its version; empty without one. */
  product: string
}

/** What VEX says, once however many packages it says it of. */
export interface ImageStatementRow {
  image_seq: number
  position: number
  /** JSON `StoredStatement`. */
  statement: string
}

export interface ImageReadRow {
  repository_id: string
  digest: string
  organization_id: string
  due_at: string
  /** Grows when something came up while it was read. */
  generation: number
  tries: number
}
