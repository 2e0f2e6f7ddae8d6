/** Across an organization: which images hold a package, or have a vulnerability. Only those that a tag leads to, and that the viewer sees. */
import { sql } from 'kysely'
import type { Digest } from '../../oci/digest.ts'
import { byBytes, pageOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import { isTagged } from './images.ts'

/** Where a page ended. */
export interface Place {
  readonly term: string
  readonly imageSeq: number
  readonly position: number
}

export interface Found extends Place {
  readonly repositoryId: string
  readonly repository: string
  readonly digest: string
  readonly platform: string
}

export interface FoundPackage extends Found {
  readonly name: string
  readonly version: string
  readonly type: string
  readonly purl: string
  readonly source: string
  readonly licence: string
}

export interface FoundFinding extends Found {
  readonly vulnerability: string
  readonly severity: string
  readonly score: string
  readonly package: string
  readonly version: string
  readonly fixedIn: string
  readonly status: string
  readonly statement: string | null
}

interface Search {
  readonly organizationIds: readonly string[]
  readonly viewer: Viewer
  readonly after?: Place | undefined
  readonly limit: number
}

/** @param o.term as stored, or with `isPrefix` what it begins with. `type`, `version`: of package URLs */
export async function searchPackages(
  db: Queries,
  o: Search & {
    readonly term: string
    readonly isPrefix: boolean
    readonly type?: string | undefined
    readonly version?: string | undefined
  },
): Promise<FoundPackage[]> {
  let query = from(db, 'image_packages', o).select([
    'entry.name',
    'entry.version',
    'entry.type',
    'entry.purl',
    'entry.source',
    'entry.licence',
  ])
  query = o.isPrefix
    ? query.where('entry.term', '>=', o.term).where('entry.term', '<', `${o.term}\u{10ffff}`)
    : query.where('entry.term', '=', o.term)
  if (o.type !== undefined) query = query.where('entry.type', '=', o.type)
  if (o.version !== undefined) query = query.where('entry.version', '=', o.version)
  return pageOfChunks<string, FoundPackage>(
    o.organizationIds,
    async (chunk) => (await query.where('entry.organization_id', 'in', chunk).execute()).map(foundOf),
    { limit: o.limit, keyOf, compare },
  )
}

/** @param o.term the id in upper case */
export async function searchFindings(db: Queries, o: Search & { readonly term: string }): Promise<FoundFinding[]> {
  const query = from(db, 'image_findings', o)
    .select([
      sql<string>`entry.vulnerability`.as('vulnerability'),
      sql<string>`entry.severity`.as('severity'),
      sql<string>`entry.score`.as('score'),
      sql<string>`entry.package`.as('package'),
      'entry.version',
      sql<string>`entry.fixed_in`.as('fixedIn'),
      sql<string>`entry.status`.as('status'),
      sql<string | null>`entry.statement`.as('statement'),
    ])
    .where('entry.term', '=', o.term)
  return pageOfChunks<string, FoundFinding>(
    o.organizationIds,
    async (chunk) => (await query.where('entry.organization_id', 'in', chunk).execute()).map(foundOf),
    { limit: o.limit, keyOf, compare },
  )
}

/** Tags that lead to each of the manifests of a repository, by themselves or through an index; `limit` of each. */
export async function listTagsTo(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
  limit: number,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const digest of new Set(digests)) {
    const own = await db
      .selectFrom('tags')
      .select('name')
      .where('repository_id', '=', repositoryId)
      .where('digest', '=', digest)
      .orderBy('name')
      .limit(limit)
      .execute()
    const through = await db
      .selectFrom('repository_manifests as link')
      .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
      .innerJoin('tags as tag', (join) =>
        join.onRef('tag.repository_id', '=', 'link.repository_id').onRef('tag.digest', '=', 'link.digest'),
      )
      .select('tag.name')
      .distinct()
      .where('part.digest', '=', digest)
      .where('part.kind', '=', 'child')
      .where('link.repository_id', '=', repositoryId)
      .orderBy('tag.name')
      .limit(limit)
      .execute()
    found.set(digest, [...new Set([...own, ...through].map(({ name }) => name))].sort().slice(0, limit))
  }
  return found
}

/** Findings have all that is asked for here by the same names. */
function from(db: Queries, table: 'image_packages' | 'image_findings', o: Search) {
  let query = db
    .selectFrom(`${table} as entry` as 'image_packages as entry')
    .innerJoin('images as image', 'image.seq', 'entry.image_seq')
    .innerJoin('repositories as repository', 'repository.id', 'image.repository_id')
    .select([
      'entry.term',
      'entry.image_seq as imageSeq',
      'entry.position',
      'repository.id as repositoryId',
      'repository.name as repository',
      'image.digest',
      'image.platform',
    ])
    .where((eb) => isVisibleTo(o.viewer)(eb as never))
    .where((eb) => isTagged()(eb))
    .orderBy('entry.term')
    .orderBy('entry.image_seq')
    .orderBy('entry.position')
    .limit(o.limit)
  if (o.after !== undefined) {
    const { term, imageSeq, position } = o.after
    query = query
      .where('entry.term', '>=', term)
      .where((eb) =>
        eb.or([
          eb('entry.term', '>', term),
          eb('entry.image_seq', '>', imageSeq),
          eb.and([eb('entry.image_seq', '=', imageSeq), eb('entry.position', '>', position)]),
        ]),
      )
  }
  return query
}

function foundOf<T extends { imageSeq: number; position: number; digest: string | null }>(row: T) {
  return { ...row, imageSeq: Number(row.imageSeq), position: Number(row.position), digest: row.digest ?? '' }
}

function keyOf({ imageSeq, position }: Place): string {
  return `${imageSeq} ${position}`
}

function compare(a: Place, b: Place): number {
  return byBytes(a.term, b.term) || a.imageSeq - b.imageSeq || a.position - b.position
}
