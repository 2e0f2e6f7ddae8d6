/** In which repositories, and under which tags, damaged content is needed. */
import type { Digest } from '../../oci/digest.ts'
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import type { DamageKind } from './damage.ts'

/** Manifests above the content that are looked at: an image is listed by few indexes. */
const MAX_ABOVE = 500
const MAX_LEVELS = 6

export interface DamagePlaces {
  /** All that hold or name it. */
  readonly repositoryCount: number
  /** The first of them by name. */
  readonly repositories: readonly {
    readonly name: string
    readonly tags: readonly string[]
    readonly tagCount: number
  }[]
}

/**
 * @param most repositories, and tags of each, that are named
 */
export async function findDamagePlaces(
  db: Queries,
  { kind, digest }: { readonly kind: DamageKind; readonly digest: Digest },
  most: number,
): Promise<DamagePlaces> {
  const above = await listAbove(db, digest)
  const ids =
    kind === 'reference'
      ? await listNaming(db, digest)
      : await listHolding(db, kind === 'blob' ? 'repository_blobs' : 'repository_manifests', digest)
  const rows = await allOfChunks(ids, (chunk) =>
    db.selectFrom('repositories').select(['id', 'name']).where('id', 'in', chunk).execute(),
  )
  const named = rows.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, most)
  const repositories = []
  for (const { id, name } of named) {
    const tags = await allOfChunks([...above], (chunk) =>
      db.selectFrom('tags').select('name').where('repository_id', '=', id).where('digest', 'in', chunk).execute(),
    )
    const names = tags.map((tag) => tag.name).sort()
    repositories.push({ name, tags: names.slice(0, most), tagCount: names.length })
  }
  return { repositoryCount: ids.length, repositories }
}

/** The content, the manifests that name it, the lists above those, and what all of them are attached to. */
async function listAbove(db: Queries, digest: Digest): Promise<ReadonlySet<string>> {
  const above = new Set<string>([digest])
  let level: string[] = [digest]
  for (let depth = 0; depth < MAX_LEVELS && level.length > 0 && above.size < MAX_ABOVE; depth++) {
    const parents = await allOfChunks(level, (chunk) =>
      db
        .selectFrom('manifest_references')
        .select('parent_digest as digest')
        .where('digest', 'in', chunk)
        .where('kind', '!=', 'subject')
        .limit(MAX_ABOVE)
        .execute(),
    )
    const subjects = await allOfChunks(level, (chunk) =>
      db
        .selectFrom('manifests')
        .select('subject_digest as digest')
        .where('digest', 'in', chunk)
        .where('subject_digest', 'is not', null)
        .execute(),
    )
    level = [...new Set([...parents, ...subjects].flatMap((row) => row.digest ?? []))].filter((one) => !above.has(one))
    for (const one of level) above.add(one)
  }
  return above
}

async function listHolding(
  db: Queries,
  links: 'repository_blobs' | 'repository_manifests',
  digest: Digest,
): Promise<string[]> {
  const rows = await db
    .selectFrom(links as 'repository_blobs')
    .select('repository_id')
    .where('digest', '=', digest)
    .execute()
  return rows.map((row) => row.repository_id)
}

async function listNaming(db: Queries, digest: Digest): Promise<string[]> {
  const rows = await db
    .selectFrom('manifest_references as part')
    .innerJoin('repository_manifests as link', 'link.digest', 'part.parent_digest')
    .select('link.repository_id')
    .distinct()
    .where('part.digest', '=', digest)
    .where('part.kind', '!=', 'subject')
    .where('link.published_at', 'is not', null)
    .execute()
  return rows.map((row) => row.repository_id)
}
