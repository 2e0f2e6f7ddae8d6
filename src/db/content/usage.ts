/** What an organization stores, each digest once. */
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import { measureDefinitions } from './definition-texts.ts'
import { periodsOf } from './pulls.ts'

export interface LinkedUsage {
  /** Distinct bytes of blobs and manifests that it links, staged ones included, and those of its catalogs' definitions. */
  readonly linkedBytes: number
  /** When all links were last read for it, ISO 8601; since then what is added and taken away is counted. */
  readonly countedAt: string | undefined
}

/** What was counted, and what has changed since: a look at few rows, however much is linked. */
export async function readUsage(db: Queries, organizationId: string): Promise<LinkedUsage> {
  const counted = await db
    .selectFrom('organization_usage')
    .select(['linked_bytes', 'counted_at'])
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()
  const changes = await db
    .selectFrom('organization_usage_changes')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('bytes'), eb.val(0)).as('bytes'))
    .where('organization_id', '=', organizationId)
    .executeTakeFirstOrThrow()
  return { linkedBytes: Number(counted?.linked_bytes ?? 0) + Number(changes.bytes), countedAt: counted?.counted_at }
}

const insertChange = prepareQuery((db, value: Value<{ organizationId: string; bytes: number }>) =>
  db
    .insertInto('organization_usage_changes')
    .values({ organization_id: value('organizationId'), bytes: value('bytes') }),
)

/** A row of its own: writers that changed one sum would wait for each other. `foldUsage` adds them up. */
export async function addUsage(tx: Transaction, organizationId: string, bytes: number): Promise<void> {
  await insertChange(tx, { organizationId, bytes })
}

const NEVER = '1970-01-01T00:00:00.000Z'

/** Adds changes to the sums that they belong to. @returns how many, at most `limit` */
export async function foldUsage(tx: Transaction, limit: number): Promise<number> {
  const changes = await tx
    .selectFrom('organization_usage_changes')
    .select(['seq', 'organization_id', 'bytes'])
    .orderBy('seq')
    .limit(limit)
    .execute()
  const last = changes.at(-1)
  if (last === undefined) return 0
  const sums = new Map<string, number>()
  for (const { organization_id: id, bytes } of changes) sums.set(id, (sums.get(id) ?? 0) + Number(bytes))
  await tx.deleteFrom('organization_usage_changes').where('seq', '<=', last.seq).execute()
  for (const [organization_id, bytes] of sums) {
    await tx
      .insertInto('organization_usage')
      .values({ organization_id, linked_bytes: bytes, counted_at: NEVER })
      .onConflict((conflict) =>
        conflict
          .column('organization_id')
          .doUpdateSet((eb) => ({ linked_bytes: eb('organization_usage.linked_bytes', '+', bytes) })),
      )
      .execute()
    await noteOrganizationStored(tx, periodsOf(new Date().toISOString()).day, organization_id)
  }
  return changes.length
}

/** Notes what an organization stores on a day, as it is counted anyway. */
export async function noteOrganizationStored(tx: Transaction, day: string, organizationId: string): Promise<void> {
  const { linkedBytes: stored_bytes } = await readUsage(tx, organizationId)
  const zero = { pulls: 0, checks: 0, bytes: 0 }
  await tx
    .insertInto('organization_periods')
    .values({ organization_id: organizationId, per: 'day', at: day, ...zero, stored_bytes })
    .onConflict((conflict) => conflict.columns(['organization_id', 'per', 'at']).doUpdateSet({ stored_bytes }))
    .execute()
}

/** Reads all links and definitions. @returns distinct bytes */
export async function countUsageAnew(tx: Transaction, organizationId: string): Promise<number> {
  const linked_bytes = (await measureLinked(tx, organizationId)) + (await measureDefinitions(tx, organizationId))
  const counted_at = new Date().toISOString()
  await tx.deleteFrom('organization_usage_changes').where('organization_id', '=', organizationId).execute()
  await tx
    .insertInto('organization_usage')
    .values({ organization_id: organizationId, linked_bytes, counted_at })
    .onConflict((conflict) => conflict.column('organization_id').doUpdateSet({ linked_bytes, counted_at }))
    .execute()
  return linked_bytes
}

/** Bytes that nothing but this repository links in its organization. */
export async function measureLinkedAlone(db: Queries, repositoryId: string): Promise<number> {
  let bytes = 0
  for (const links of ['repository_blobs', 'repository_manifests'] as const) {
    const row = await db
      .selectFrom(`${links as 'repository_blobs'} as link`)
      .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
      .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('link.size_bytes'), eb.val(0)).as('bytes'))
      .where('link.repository_id', '=', repositoryId)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom(`${links as 'repository_blobs'} as elsewhere`)
              .innerJoin('repositories as other', 'other.id', 'elsewhere.repository_id')
              .select('elsewhere.digest')
              .whereRef('elsewhere.digest', '=', 'link.digest')
              .where('elsewhere.repository_id', '!=', repositoryId)
              .whereRef('other.organization_id', '=', 'repository.organization_id'),
          ),
        ),
      )
      .executeTakeFirstOrThrow()
    bytes += Number(row.bytes)
  }
  return bytes
}

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
