/** What keeps the blobs of a repository, and how often content is linked. */
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

/** A blob of a repository as the collector judges it. */
export interface BlobFacts {
  readonly digest: string
  readonly sizeBytes: number
  /** Manifests of the repository that need it. */
  readonly parents: number
  readonly isStaged: boolean
  /** When it was linked, or last asked for. */
  readonly touchedAt: string
  readonly doomedAt: string | undefined
}

/** Those that the repository does not have are left out. */
export async function readBlobFacts(
  db: Queries,
  repositoryId: string,
  digests: readonly string[],
): Promise<BlobFacts[]> {
  const rows = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom('repository_blobs as link')
      .select(['link.digest', 'link.size_bytes', 'link.published_at', 'link.linked_at', 'link.doomed_at'])
      .select((eb) =>
        eb
          .selectFrom('repository_manifests as parent')
          .innerJoin('manifest_references as part', 'part.parent_digest', 'parent.digest')
          .select((of) => of.fn.count<number>('parent.digest').distinct().as('parents'))
          .whereRef('parent.repository_id', '=', 'link.repository_id')
          .whereRef('part.digest', '=', 'link.digest')
          .where('part.kind', '!=', 'subject')
          .as('parents'),
      )
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .execute(),
  )
  return rows.map((row) => ({
    digest: row.digest,
    sizeBytes: Number(row.size_bytes),
    parents: Number(row.parents),
    isStaged: row.published_at === null,
    touchedAt: row.linked_at,
    doomedAt: row.doomed_at ?? undefined,
  }))
}

/** Of a portion of a repository's blobs those that no manifest of it needs, and that were last asked for before a time. */
export async function listLooseBlobs(
  db: Queries,
  repositoryId: string,
  range: { readonly after: string; readonly to: string },
  before: string,
): Promise<string[]> {
  const rows = await db
    .selectFrom('repository_blobs as link')
    .select('link.digest')
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', '>', range.after)
    .where('link.digest', '<=', range.to)
    .where('link.linked_at', '<', before)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('manifest_references as part')
            .innerJoin('repository_manifests as parent', 'parent.digest', 'part.parent_digest')
            .select('part.digest')
            .whereRef('parent.repository_id', '=', 'link.repository_id')
            .whereRef('part.digest', '=', 'link.digest')
            .where('part.kind', '!=', 'subject'),
        ),
      ),
    )
    .orderBy('link.digest')
    .execute()
  return rows.map(({ digest }) => digest)
}

/** How many repositories have each of these. */
export async function countLinks(
  db: Queries,
  table: 'repository_manifests' | 'repository_blobs',
  digests: readonly string[],
): Promise<Map<string, number>> {
  const of = table as 'repository_blobs'
  const rows = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom(of)
      .select((eb) => ['digest', eb.fn.countAll<number>().as('links')])
      .where('digest', 'in', chunk)
      .groupBy('digest')
      .execute(),
  )
  return new Map(rows.map((row) => [row.digest, Number(row.links)]))
}
