/** What an organization stores, each digest once. */
import type { Queries } from '../engine/engine.ts'

/** Distinct bytes of blobs and manifests that an organization links, staged ones included. Reads all of its links. */
export async function measureLinked(db: Queries, organizationId: string): Promise<number> {
  const blobs = db
    .selectFrom('repository_blobs as link')
    .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
    .innerJoin('blobs as content', 'content.digest', 'link.digest')
    .select(['content.digest', 'content.size_bytes'])
    .where('repository.organization_id', '=', organizationId)
    .distinct()
  const manifests = db
    .selectFrom('repository_manifests as link')
    .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
    .innerJoin('manifests as content', 'content.digest', 'link.digest')
    .select(['content.digest', 'content.size_bytes'])
    .where('repository.organization_id', '=', organizationId)
    .distinct()
  let bytes = 0
  for (const distinct of [blobs, manifests]) {
    const row = await db
      .selectFrom(distinct.as('one'))
      .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('one.size_bytes'), eb.val(0)).as('bytes'))
      .executeTakeFirstOrThrow()
    bytes += Number(row.bytes)
  }
  return bytes
}

/**
 * Bytes that an organization has on their way in: its open upload sessions, bodies under way, downloads of its mirrors.
 * @param besides a stage that is left out
 */
export async function measureStaged(db: Queries, organizationId: string, besides: string): Promise<number> {
  const sessions = await db
    .selectFrom('upload_sessions as session')
    .innerJoin('repositories as repository', 'repository.id', 'session.repository_id')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('session.offset_bytes'), eb.val(0)).as('bytes'))
    .where('repository.organization_id', '=', organizationId)
    .executeTakeFirstOrThrow()
  const stages = await db
    .selectFrom('stage_reservations')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('bytes'), eb.val(0)).as('bytes'))
    .where('organization_id', '=', organizationId)
    .where('stage_id', '!=', besides)
    .executeTakeFirstOrThrow()
  return Number(sessions.bytes) + Number(stages.bytes)
}
