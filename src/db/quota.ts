import type { Digest } from '../oci/digest.ts'
import type { Queries } from './engine.ts'

/** Bytes that the organization may store now; undefined: no limit. */
export async function findQuotaBytes(db: Queries, organizationId: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('organizations')
    .select('quota_bytes')
    .where('id', '=', organizationId)
    .executeTakeFirst()
  return row?.quota_bytes ?? undefined
}

/** Whether any repository of the organization has the blob, staged ones included: linking it again costs nothing. */
export async function organizationHasBlob(db: Queries, organizationId: string, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('repository_blobs as link')
    .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
    .select('link.digest')
    .where('repository.organization_id', '=', organizationId)
    .where('link.digest', '=', digest)
    .executeTakeFirst()
  return row !== undefined
}
