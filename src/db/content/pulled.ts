/** A pull by one statement: what its rights are made of, and what is pulled. Each statement takes a lock of the file of its own. */
import type { Digest } from '../../oci/digest.ts'
import type { Queries } from '../engine/engine.ts'
import { prepareSoon, type Value } from '../engine/prepared.ts'
import {
  type Asked,
  type JudgedColumns,
  type JudgedFacts,
  judgedOf,
  judgedQuery,
  type Kind,
  kindOf,
  type Subject,
  valuesOf,
} from '../people/judged.ts'

/** Who asks for what; `reference` is a tag or a digest. */
export interface PullAsked {
  readonly subject: Subject | undefined
  readonly organization: string
  readonly repository: string
  readonly reference: string
}

/** What a decision is made of, and what was found: meant for nobody before that decision. */
export interface Pulled<Found> {
  readonly facts: JudgedFacts
  /** Undefined: it is absent, staged, damaged, or doomed (and then kept on the whole way). */
  readonly found: Found | undefined
  /** When the organization's token behind the request was last noted; undefined: there is none. */
  readonly tokenUsedAt: string | null | undefined
}

export interface PulledManifest {
  readonly repositoryId: string
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface PulledBlob {
  readonly repositoryId: string
  readonly sizeBytes: number
  readonly storageKey: string
  readonly touchedAt: string
}

type PullValues = Record<keyof Asked | 'reference', string>

const ofEach = <Query>(prepare: (kind: Kind) => Query) => ({ person: prepare('person'), machine: prepare('machine') })

const MANIFEST = [
  'link.digest',
  'link.media_type',
  'manifest.size_bytes',
  'manifest.bytes',
  'link.published_at',
  'manifest.damage',
  'link.doomed_at',
] as const

const readByTag = ofEach((kind) =>
  prepareSoon((db, value: Value<PullValues>) =>
    judgedQuery(kind)(db, value)
      .leftJoin('tags as tag', (join) =>
        join.onRef('tag.repository_id', '=', 'repositories.id').on('tag.name', '=', value('reference')),
      )
      .leftJoin('repository_manifests as link', (join) =>
        join.onRef('link.repository_id', '=', 'tag.repository_id').onRef('link.digest', '=', 'tag.digest'),
      )
      .leftJoin('manifests as manifest', 'manifest.digest', 'link.digest')
      .select(MANIFEST),
  ),
)

const readByDigest = ofEach((kind) =>
  prepareSoon((db, value: Value<PullValues>) =>
    judgedQuery(kind)(db, value)
      .leftJoin('repository_manifests as link', (join) =>
        join.onRef('link.repository_id', '=', 'repositories.id').on('link.digest', '=', value('reference')),
      )
      .leftJoin('manifests as manifest', 'manifest.digest', 'link.digest')
      .select(MANIFEST),
  ),
)

const readBlob = ofEach((kind) =>
  prepareSoon((db, value: Value<PullValues>) =>
    judgedQuery(kind)(db, value)
      .leftJoin('repository_blobs as link', (join) =>
        join.onRef('link.repository_id', '=', 'repositories.id').on('link.digest', '=', value('reference')),
      )
      .leftJoin('blobs as blob', 'blob.digest', 'link.digest')
      .select([
        'blob.size_bytes',
        'blob.storage_key',
        'blob.damage',
        'link.linked_at',
        'link.published_at',
        'link.doomed_at',
      ]),
  ),
)

function read<Row extends JudgedColumns, Found>(
  rows: Row[] | Promise<Row[]>,
  asked: PullAsked,
  foundOf: (row: Row) => Found | undefined,
): Pulled<Found> | Promise<Pulled<Found>> {
  const of = ([row]: Row[]): Pulled<Found> => {
    if (row === undefined) throw new Error('want one row of a pull, got none')
    const facts = judgedOf(row, asked.organization)
    return { facts, found: foundOf(row), tokenUsedAt: row.ot_last_used_at }
  }
  return rows instanceof Promise ? rows.then(of) : of(rows)
}

function valuesFor({ subject, organization, repository, reference }: PullAsked) {
  return { ...valuesOf(subject, organization, repository), reference }
}

/** A manifest by tag or digest. At once on SQLite. */
export function readPulledManifest(db: Queries, asked: PullAsked) {
  const isDigest = asked.reference.includes(':')
  const rows = (isDigest ? readByDigest : readByTag)[kindOf(asked.subject)](db, valuesFor(asked))
  return read(rows, asked, (row): PulledManifest | undefined =>
    row.r_id === null ||
    row.published_at === null ||
    row.damage !== null ||
    row.doomed_at !== null ||
    row.digest === null ||
    row.media_type === null ||
    row.size_bytes === null ||
    row.bytes === null
      ? undefined
      : {
          repositoryId: row.r_id,
          digest: row.digest as Digest,
          mediaType: row.media_type,
          sizeBytes: row.size_bytes,
          bytes: row.bytes as Uint8Array<ArrayBuffer>,
        },
  )
}

/** A blob by digest. At once on SQLite. */
export function readPulledBlob(db: Queries, asked: PullAsked) {
  const rows = readBlob[kindOf(asked.subject)](db, valuesFor(asked))
  return read(rows, asked, (row): PulledBlob | undefined =>
    row.r_id === null ||
    row.published_at === null ||
    row.damage !== null ||
    row.doomed_at !== null ||
    row.size_bytes === null ||
    row.storage_key === null ||
    row.linked_at === null
      ? undefined
      : {
          repositoryId: row.r_id,
          sizeBytes: row.size_bytes,
          storageKey: row.storage_key,
          touchedAt: row.linked_at,
        },
  )
}
