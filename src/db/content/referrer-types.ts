/** What is attached to manifests, by type: for lists of what there is, whatever sizes its words have. */
import { sql } from 'kysely'
import type { Digest } from '../../oci/digest.ts'
import { inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

export interface ReferrerType {
  readonly digest: Digest
  readonly artifactType: string | undefined
  /** Undefined where there are none, and where they have more than MAX_ANNOTATIONS characters. */
  readonly annotations: Readonly<Record<string, string>> | undefined
}

/** Real ones have some hundred; a manifest may have 4 MiB of them. */
const MAX_ANNOTATIONS = 4096
const MAX_TYPE = 255

/** Published referrers of these manifests in digest order, `limit` at most of each chunk. */
export async function listReferrerTypes(
  db: Queries,
  repositoryId: string,
  subjects: readonly Digest[],
  limit: number,
): Promise<ReferrerType[]> {
  const found: ReferrerType[] = []
  for (const chunk of inChunks(subjects)) {
    const rows = await db
      .selectFrom('repository_manifests as link')
      .innerJoin('manifests as manifest', 'manifest.digest', 'link.digest')
      .select([
        'link.digest',
        sql<string | null>`substr(manifest.artifact_type, 1, ${sql.lit(MAX_TYPE)})`.as('artifact_type'),
        sql<
          string | null
        >`case when length(manifest.annotations) <= ${sql.lit(MAX_ANNOTATIONS)} then manifest.annotations end`.as(
          'annotations',
        ),
      ])
      .where('link.repository_id', '=', repositoryId)
      .where('link.subject_digest', 'in', chunk)
      .where('link.published_at', 'is not', null)
      .orderBy('link.digest')
      .limit(limit)
      .execute()
    for (const row of rows) {
      found.push({
        digest: row.digest as Digest,
        artifactType: row.artifact_type ?? undefined,
        annotations: row.annotations === null ? undefined : (JSON.parse(row.annotations) as Record<string, string>),
      })
    }
  }
  return found
}

/** Published referrers of one manifest in digest order, without their words. */
export async function listReferrerDigests(
  db: Queries,
  repositoryId: string,
  subject: Digest,
  limit: number,
): Promise<Digest[]> {
  const rows = await db
    .selectFrom('repository_manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('subject_digest', '=', subject)
    .where('published_at', 'is not', null)
    .orderBy('digest')
    .limit(limit)
    .execute()
  return rows.map(({ digest }) => digest as Digest)
}
