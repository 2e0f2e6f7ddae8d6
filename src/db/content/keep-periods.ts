/** Storage is noted once a day; hours and days that are too old go. */
import { allOfChunks, inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { Per } from '../schema.ts'

/** Repositories whose storage nobody has noted on a day. */
export async function listUnsampled(db: Queries, day: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('repositories as repository')
    .leftJoin('repository_periods as period', (join) =>
      join.onRef('period.repository_id', '=', 'repository.id').on('period.per', '=', 'day').on('period.at', '=', day),
    )
    .select('repository.id')
    .where('period.stored_bytes', 'is', null)
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** Notes what repositories store on a day; those that are gone are left out. */
export async function noteStored(tx: Transaction, day: string, bytesOf: ReadonlyMap<string, number>): Promise<void> {
  const present = await allOfChunks([...bytesOf.keys()], (chunk) =>
    tx.selectFrom('repositories').select('id').where('id', 'in', chunk).execute(),
  )
  const zero = { pulls: 0, checks: 0, bytes: 0 }
  const rows = present.map(({ id: repository_id }) => {
    const stored_bytes = bytesOf.get(repository_id) ?? 0
    return { repository_id, per: 'day' as const, at: day, ...zero, stored_bytes }
  })
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('repository_periods')
      .values(chunk)
      .onConflict((conflict) =>
        conflict
          .columns(['repository_id', 'per', 'at'])
          .doUpdateSet((eb) => ({ stored_bytes: eb.ref('excluded.stored_bytes') })),
      )
      .execute()
  }
}

/** Organizations whose storage nobody has noted on a day. */
export async function listUnsampledOrganizations(db: Queries, day: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('organizations as organization')
    .leftJoin('organization_periods as period', (join) =>
      join
        .onRef('period.organization_id', '=', 'organization.id')
        .on('period.per', '=', 'day')
        .on('period.at', '=', day),
    )
    .select('organization.id')
    .where('period.stored_bytes', 'is', null)
    .where('organization.deleted_at', 'is', null)
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** Removes hours and days that began before a time. @returns how many, at most `limit` of each */
export async function prunePeriods(tx: Transaction, per: Per, before: string, limit: number): Promise<number> {
  const repositories = await tx
    .selectFrom('repository_periods')
    .select(['repository_id', 'at'])
    .where('per', '=', per)
    .where('at', '<', before)
    .orderBy('at')
    .limit(limit)
    .execute()
  for (const [at, rows] of Map.groupBy(repositories, (row) => row.at)) {
    for (const chunk of inChunks(rows.map((row) => row.repository_id))) {
      await tx
        .deleteFrom('repository_periods')
        .where('repository_id', 'in', chunk)
        .where('per', '=', per)
        .where('at', '=', at)
        .execute()
    }
  }
  const organizations = await tx
    .selectFrom('organization_periods')
    .select(['organization_id', 'at'])
    .where('per', '=', per)
    .where('at', '<', before)
    .orderBy('at')
    .limit(limit)
    .execute()
  for (const [at, rows] of Map.groupBy(organizations, (row) => row.at)) {
    for (const chunk of inChunks(rows.map((row) => row.organization_id))) {
      await tx
        .deleteFrom('organization_periods')
        .where('organization_id', 'in', chunk)
        .where('per', '=', per)
        .where('at', '=', at)
        .execute()
    }
  }
  return Math.max(repositories.length, organizations.length)
}
