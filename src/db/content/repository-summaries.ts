/** What lists of repositories and organizations show besides the rows themselves: a few queries a page, not a few a row. */
import { inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import type { Viewer } from '../people/visible-repositories.ts'
import type { RepositoryRow } from '../schema.ts'
import { measureDefinitions } from './definition-texts.ts'
import { countVisibleRepositories } from './repository-lists.ts'
import { readUsage } from './usage.ts'

export interface RepositorySummary {
  readonly row: RepositoryRow
  /** Id of the mirror that feeds it; null when there is none, or it is stopped. */
  readonly mirrorId: string | null
  readonly tags: number
  /** Distinct bytes of its blobs and manifests; what is staged counts, it is stored. */
  readonly sizeBytes: number
  readonly pulls: number
  /** Null: never. */
  readonly lastPulledAt: string | null
}

/** Bytes of the blobs and manifests that each of these links, each digest once. */
export async function measureRepositories(db: Queries, ids: readonly string[]): Promise<Map<string, number>> {
  const bytes = new Map(ids.map((id) => [id, 0]))
  for (const chunk of inChunks(ids)) {
    for (const links of ['repository_blobs', 'repository_manifests'] as const) {
      const rows = await db
        .selectFrom(links as 'repository_blobs')
        .select(['repository_id as id', (eb) => eb.fn.sum<number>('size_bytes').as('bytes')])
        .where('repository_id', 'in', chunk)
        .groupBy('repository_id')
        .execute()
      for (const row of rows) bytes.set(row.id, (bytes.get(row.id) ?? 0) + Number(row.bytes))
    }
  }
  return bytes
}

/** @param rows repositories of one page */
export async function summarizeRepositories(db: Queries, rows: readonly RepositoryRow[]): Promise<RepositorySummary[]> {
  const summaries: RepositorySummary[] = []
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  for (const chunk of inChunks([...rowOf.keys()])) {
    const tags = await db
      .selectFrom('tags')
      .select(['repository_id as id', (eb) => eb.fn.countAll<number>().as('number')])
      .where('repository_id', 'in', chunk)
      .groupBy('repository_id')
      .execute()
    const pulled = await db.selectFrom('repository_pulls').selectAll().where('repository_id', 'in', chunk).execute()
    const mirrors = await db
      .selectFrom('mirrors')
      .select(['repository_id', 'id'])
      .where('repository_id', 'in', chunk)
      .where('state', '!=', 'stopped')
      .execute()
    const numbers = (found: readonly { id: string; number: number }[]) =>
      new Map(found.map((one) => [one.id, Number(one.number)]))
    const tagsOf = numbers(tags)
    const bytesOf = await measureRepositories(db, chunk)
    const pullsOf = new Map(pulled.map((one) => [one.repository_id, one]))
    const mirrorOf = new Map(mirrors.map((mirror) => [mirror.repository_id, mirror.id]))
    for (const id of chunk) {
      const row = rowOf.get(id)
      if (row === undefined) continue
      summaries.push({
        row,
        mirrorId: mirrorOf.get(row.id) ?? null,
        tags: tagsOf.get(row.id) ?? 0,
        sizeBytes: bytesOf.get(row.id) ?? 0,
        pulls: Number(pullsOf.get(row.id)?.pulls ?? 0),
        lastPulledAt: pullsOf.get(row.id)?.last_pulled_at ?? null,
      })
    }
  }
  return summaries
}

/**
 * Repositories of an organization, and what it stores: the bytes that they link, each digest counted once, and its catalogs' definitions.
 * @param viewer whose eyes it is for; undefined: they see all. What somebody sees a part of has no size: it would tell of the rest
 */
export async function summarizeOrganization(
  db: Queries,
  organizationId: string,
  viewer: Viewer | undefined,
): Promise<{ repositories: number; sizeBytes: number | null; definitionsBytes: number | null }> {
  if (viewer !== undefined) {
    const seen = await countVisibleRepositories(db, organizationId, viewer)
    return { repositories: seen, sizeBytes: null, definitionsBytes: null }
  }
  const { repositories } = await db
    .selectFrom('repositories')
    .select((eb) => eb.fn.countAll<number>().as('repositories'))
    .where('organization_id', '=', organizationId)
    .executeTakeFirstOrThrow()
  return {
    repositories: Number(repositories),
    sizeBytes: (await readUsage(db, organizationId)).linkedBytes,
    definitionsBytes: await measureDefinitions(db, organizationId),
  }
}
