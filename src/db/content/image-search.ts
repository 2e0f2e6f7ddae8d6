/** Across an organization: which images hold a package, or have a vulnerability. Only those that a tag leads to, and that the viewer sees. */
import { sql } from 'kysely'
import { createTurns } from '../../lib/turns.ts'
import type { Digest } from '../../oci/digest.ts'
import { allOfChunks, byBytes } from '../engine/chunks.ts'
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
  readonly statement: number | null
}

interface Search {
  readonly organizationIds: readonly string[]
  readonly viewer: Viewer
  readonly after?: Place | undefined
  readonly limit: number
}

export interface SearchPage<Row> {
  readonly items: readonly Row[]
  /** Where the look ended; undefined: there is no more. A page may be short, even empty, and go on. */
  readonly next: Place | undefined
}

/** Rows that one page goes through, of all organizations: whoever sees little gets short pages, and costs no more than others. */
const MAX_LOOKED_AT = 5000
/** Of one organization, however many there are. */
const MIN_LOOKED_AT = 50
const NEVER = Number.MAX_SAFE_INTEGER

/** @param o.term as stored, or with `isPrefix` what it begins with. `type`, `version`: of package URLs */
export async function searchPackages(
  db: Queries,
  o: Search & {
    readonly term: string
    readonly isPrefix: boolean
    readonly type?: string | undefined
    readonly version?: string | undefined
  },
): Promise<SearchPage<FoundPackage>> {
  return pageAcross<FoundPackage>(o, async (organizationId, depth) => {
    const looked = look(db, 'image_packages', organizationId, o, depth)
    let query = seen(db, looked, o).select([
      'entry.name',
      'entry.version',
      'entry.type',
      'entry.purl',
      'entry.source',
      'entry.licence',
    ])
    if (o.type !== undefined) query = query.where('entry.type', '=', o.type)
    if (o.version !== undefined) query = query.where('entry.version', '=', o.version)
    return { items: (await query.execute()).map(foundOf), end: () => endOf(looked, depth) }
  })
}

/** @param o.term the id in upper case */
export async function searchFindings(
  db: Queries,
  o: Search & { readonly term: string },
): Promise<SearchPage<FoundFinding>> {
  return pageAcross<FoundFinding>(o, async (organizationId, depth) => {
    const looked = look(db, 'image_findings', organizationId, { ...o, isPrefix: false }, depth)
    const query = seen(db, looked, o).select([
      sql<string>`entry.vulnerability`.as('vulnerability'),
      sql<string>`entry.severity`.as('severity'),
      sql<string>`entry.score`.as('score'),
      sql<string>`entry.package`.as('package'),
      'entry.version',
      sql<string>`entry.fixed_in`.as('fixedIn'),
      sql<string>`entry.status`.as('status'),
      sql<number | null>`entry.statement`.as('statement'),
    ])
    return { items: (await query.execute()).map(foundOf), end: () => endOf(looked, depth) }
  })
}

/**
 * Each organization by itself, as its index is sorted: several at once would be sorted, all of them, for each page.
 * @param search one organization's first items, and where a look so deep ends (undefined: it saw all)
 */
async function pageAcross<Row extends Place>(
  { organizationIds, limit }: Search,
  search: (
    organizationId: string,
    depth: number,
  ) => Promise<{ readonly items: readonly Row[]; end(): Promise<Place | undefined> }>,
): Promise<SearchPage<Row>> {
  const depth = Math.max(MIN_LOOKED_AT, Math.floor(MAX_LOOKED_AT / Math.max(1, organizationIds.length)))
  const turn = createTurns()
  let items: Row[] = []
  let horizon: Place | undefined
  for (const id of organizationIds) {
    const found = await search(id, depth)
    items = [...items, ...found.items].sort(compare).slice(0, limit + 1)
    // One that has filled a page has more, but not on this page.
    const end = found.items.length > limit ? undefined : await found.end()
    if (end !== undefined && (horizon === undefined || compare(end, horizon) < 0)) horizon = end
    const due = turn()
    if (due !== undefined) await due
  }
  // Beyond it another organization may have some that were not looked at.
  const last = items[limit - 1]
  const isFull = items.length > limit && last !== undefined && (horizon === undefined || compare(last, horizon) <= 0)
  if (isFull) return { items: items.slice(0, limit), next: last }
  const end = horizon
  return { items: end === undefined ? items : items.filter((one) => compare(one, end) <= 0), next: end }
}

/**
 * Tags that lead to each of the manifests of a repository, by themselves or through an index; `limit` of each, by name. In two steps: in one,
 * engines go through all tags of the repository.
 */
export async function listTagsTo(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
  limit: number,
): Promise<Map<string, string[]>> {
  const wanted = new Set<string>(digests)
  const through = await allOfChunks([...wanted], (chunk) =>
    db
      .selectFrom('repository_manifests as link')
      .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
      .select(['part.digest', 'link.digest as parent'])
      .where('link.repository_id', '=', repositoryId)
      .where('part.digest', 'in', chunk)
      .where('part.kind', '=', 'child')
      .execute(),
  )
  const tagged = [...new Set([...wanted, ...through.map(({ parent }) => parent)])]
  const tags = Map.groupBy(await firstTags(db, repositoryId, tagged, limit), ({ digest }) => digest)
  const parents = Map.groupBy(through, ({ digest }) => digest)
  const namesOf = (digest: string) => tags.get(digest)?.map(({ name }) => name) ?? []
  return new Map(
    [...wanted].map((digest) => {
      const all = [digest, ...(parents.get(digest) ?? []).map(({ parent }) => parent)].flatMap(namesOf)
      return [digest, [...new Set(all)].sort(byBytes).slice(0, limit)]
    }),
  )
}

/** The first tags, by name, that point to each of these. */
function firstTags(db: Queries, repositoryId: string, digests: readonly string[], limit: number) {
  return allOfChunks(digests, (chunk) => {
    const placed = db
      .selectFrom('tags')
      .select((eb) => [
        'digest',
        'name',
        eb.fn
          .agg<number>('row_number')
          .over((over) => over.partitionBy('digest').orderBy('name'))
          .as('place'),
      ])
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
    return db.selectFrom(placed.as('placed')).select(['digest', 'name']).where('place', '<=', limit).execute()
  })
}

/** The rows of one organization that one look goes through. Findings have all that is asked for here by the same names. */
function look(
  db: Queries,
  table: 'image_packages' | 'image_findings',
  organizationId: string,
  { term, isPrefix, after }: Pick<Search, 'after'> & { readonly term: string; readonly isPrefix: boolean },
  depth: number,
) {
  const query = db
    .selectFrom(table as 'image_packages')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .orderBy('term')
    .orderBy('image_seq')
    .orderBy('position')
    .limit(depth)
  // Only one lower bound, that the index goes to at once. A place that is none of this search is before or after all of it.
  const isAfter = after === undefined ? -1 : compareText(after.term, term)
  if (!isPrefix) {
    const rest = after !== undefined && isAfter === 0 ? after : { imageSeq: isAfter > 0 ? NEVER : -1, position: -1 }
    const place = sql<boolean>`(image_seq, position) > (${rest.imageSeq}, ${rest.position})`
    return query.where('term', '=', term).where(place)
  }
  const bounded = query.where('term', '<', `${term}\u{10ffff}`)
  if (after === undefined || isAfter < 0) return bounded.where('term', '>=', term)
  const { imageSeq, position } = after
  return bounded.where(sql<boolean>`(term, image_seq, position) > (${after.term}, ${imageSeq}, ${position})`)
}

/** Those of them that the viewer sees; one more than the page has. */
function seen(db: Queries, looked: ReturnType<typeof look>, o: Search) {
  return db
    .selectFrom(looked.as('entry'))
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
    .limit(o.limit + 1)
}

async function endOf(looked: ReturnType<typeof look>, depth: number): Promise<Place | undefined> {
  const row = await looked
    .clearSelect()
    .select(['term', 'image_seq as imageSeq', 'position'])
    .offset(depth - 1)
    .limit(1)
    .executeTakeFirst()
  return row && { term: row.term, imageSeq: Number(row.imageSeq), position: Number(row.position) }
}

function foundOf<T extends { imageSeq: number; position: number; digest: string | null }>(row: T) {
  return { ...row, imageSeq: Number(row.imageSeq), position: Number(row.position), digest: row.digest ?? '' }
}

function compare(a: Place, b: Place): number {
  return compareText(a.term, b.term) || a.imageSeq - b.imageSeq || a.position - b.position
}

/** As both engines do: terms are not all ASCII. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
