/** What a repository would not need any more without some of its tags; within bounds, as an index may list tens of thousands of manifests. */
import { saturate } from '../../lib/saturate.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { allOfChunks, inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

/** Manifests that are looked into. */
const MAX_MANIFESTS = 5000
/** Configs, layers and children of those. */
const MAX_PARTS = 50_000

export interface LooseContent {
  readonly sizeBytes: number
  readonly manifests: number
  readonly blobs: number
  /** There is more below the tags than was looked at: numbers are lower bounds. */
  readonly isPartial: boolean
}

interface Part {
  readonly parent: string
  readonly digest: string
  readonly isChild: boolean
  readonly sizeBytes: number
}

/**
 * What is below `roots` (children, configs, layers, referrers of each) and below nothing else that is published in the repository: no other tag
 * points at it, and no manifest lists it that is not loose itself.
 * @param without tags that do not count
 */
export async function measureLoose(
  db: Queries,
  repositoryId: string,
  roots: readonly Digest[],
  without: readonly Tag[],
): Promise<LooseContent> {
  const { sizes, parts, subjects, isPartial } = await walk(db, repositoryId, roots)
  const manifests = [...sizes.keys()]
  const held = new Set(await listHeldFromOutside(db, repositoryId, manifests, [...new Set(without)]))
  const blobs = new Map(parts.filter(({ isChild }) => !isChild).map((part) => [part.digest, part.sizeBytes]))
  for (const digest of await listListed(db, repositoryId, [...blobs.keys()], sizes)) held.add(digest)
  spread(held, parts, subjects)
  const loose = manifests.filter((digest) => !held.has(digest))
  const looseBlobs = [...blobs].filter(([digest]) => !held.has(digest))
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
  return {
    sizeBytes: saturate(sum(loose.map((digest) => sizes.get(digest) ?? 0)) + sum(looseBlobs.map(([, size]) => size))),
    manifests: loose.length,
    blobs: looseBlobs.length,
    isPartial,
  }
}

/** Everything below the roots, level by level. */
async function walk(db: Queries, repositoryId: string, roots: readonly Digest[]) {
  const sizes = new Map<string, number>()
  const subjects = new Map<string, string>()
  const parts: Part[] = []
  let isPartial = false
  let level: readonly string[] = [...new Set(roots)]
  while (level.length > 0) {
    const rows = await allOfChunks(level, (chunk) =>
      db
        .selectFrom('repository_manifests')
        .select(['digest', 'size_bytes'])
        .where('repository_id', '=', repositoryId)
        .where('digest', 'in', chunk)
        .where('published_at', 'is not', null)
        .execute(),
    )
    for (const row of rows) sizes.set(row.digest, Number(row.size_bytes))
    const here = rows.map((row) => row.digest)
    const next = new Set<string>()
    for (const chunk of inChunks(here, PARENTS_AT_ONCE)) {
      if (sizes.size > MAX_MANIFESTS || parts.length > MAX_PARTS) break
      const below = await db
        .selectFrom('repository_manifests as link')
        .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
        .select(['part.parent_digest', 'part.kind', 'part.digest', 'part.size_bytes'])
        .where('link.repository_id', '=', repositoryId)
        .where('link.digest', 'in', chunk)
        .where('link.published_at', 'is not', null)
        .where('part.kind', '!=', 'subject')
        .limit(MAX_PARTS + 1)
        .execute()
      for (const { parent_digest: parent, kind, digest, size_bytes: sizeBytes } of below) {
        parts.push({ parent, digest, isChild: kind === 'child', sizeBytes: Number(sizeBytes) })
        if (kind === 'child' && !sizes.has(digest)) next.add(digest)
      }
      const attached = await db
        .selectFrom('repository_manifests')
        .select(['digest', 'subject_digest'])
        .where('repository_id', '=', repositoryId)
        .where('subject_digest', 'in', chunk)
        .where('published_at', 'is not', null)
        .limit(MAX_MANIFESTS + 1)
        .execute()
      for (const row of attached) {
        if (row.subject_digest !== null) subjects.set(row.digest, row.subject_digest)
        if (!sizes.has(row.digest)) next.add(row.digest)
      }
    }
    isPartial ||= sizes.size + next.size > MAX_MANIFESTS || parts.length > MAX_PARTS
    level = isPartial ? [] : [...next]
  }
  return { sizes, parts, subjects, isPartial }
}

/** Of each, the parts are read by one query. */
const PARENTS_AT_ONCE = 50

/** Manifests of the walk at which another tag points, or that a published manifest outside of the walk lists. */
async function listHeldFromOutside(
  db: Queries,
  repositoryId: string,
  manifests: readonly string[],
  without: readonly string[],
): Promise<string[]> {
  const within = new Map(manifests.map((digest) => [digest, 0]))
  const held = await listListed(db, repositoryId, manifests, within)
  const tags = db.selectFrom('tags').where('repository_id', '=', repositoryId)
  const own = await allOfChunks(without, (chunk) => tags.select('digest').where('name', 'in', chunk).execute())
  const ownAt = new Map<string, number>()
  for (const { digest } of own) ownAt.set(digest, (ownAt.get(digest) ?? 0) + 1)
  const all = await allOfChunks(manifests, (chunk) =>
    tags
      .select((eb) => ['digest', eb.fn.countAll<number>().as('count')])
      .where('digest', 'in', chunk)
      .groupBy('digest')
      .execute(),
  )
  return [...held, ...all.flatMap((row) => (Number(row.count) > (ownAt.get(row.digest) ?? 0) ? [row.digest] : []))]
}

/** Those of `digests` that a published manifest of the repository lists which is none of `within`. */
async function listListed(
  db: Queries,
  repositoryId: string,
  digests: readonly string[],
  within: ReadonlyMap<string, unknown>,
): Promise<string[]> {
  const rows = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom('repository_manifests as link')
      .innerJoin('manifest_references as reference', 'reference.parent_digest', 'link.digest')
      .select(['reference.digest', 'reference.parent_digest'])
      .distinct()
      .where('reference.digest', 'in', chunk)
      .where('reference.kind', '!=', 'subject')
      .where('link.repository_id', '=', repositoryId)
      .where('link.published_at', 'is not', null)
      .execute(),
  )
  return rows.flatMap((row) => (within.has(row.parent_digest) ? [] : [row.digest]))
}

/** What is held holds what is below it: its parts, and what is attached to it. */
function spread(held: Set<string>, parts: readonly Part[], subjects: ReadonlyMap<string, string>): void {
  const below = new Map<string, string[]>()
  const add = (parent: string, digest: string) => {
    const known = below.get(parent)
    if (known === undefined) below.set(parent, [digest])
    else known.push(digest)
  }
  for (const { parent, digest } of parts) add(parent, digest)
  for (const [digest, subject] of subjects) add(subject, digest)
  const next = [...held]
  for (let digest = next.pop(); digest !== undefined; digest = next.pop()) {
    for (const one of below.get(digest) ?? []) {
      if (held.has(one)) continue
      held.add(one)
      next.push(one)
    }
  }
}

/** The first of the tags, in order, that point at one of these besides `without`, and how many there are. */
export async function listOtherTags(
  db: Queries,
  repositoryId: string,
  digest: Digest,
  o: { readonly without: ReadonlySet<string>; readonly most: number },
): Promise<{ readonly names: readonly string[]; readonly count: number }> {
  const tags = db.selectFrom('tags').where('repository_id', '=', repositoryId).where('digest', '=', digest)
  const { count } = await tags.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  const rows = await tags
    .select('name')
    .orderBy('name')
    .limit(o.most + o.without.size)
    .execute()
  const own = await allOfChunks([...o.without], (chunk) => tags.select('name').where('name', 'in', chunk).execute())
  const names = rows.map((row) => row.name).filter((name) => !o.without.has(name))
  return { names: names.slice(0, o.most), count: Number(count) - own.length }
}
