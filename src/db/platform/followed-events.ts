/** Events of one repository or organization, after a place in the log. */
import type { Selectable } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import type { EventRow } from '../schema.ts'

/** The end of the log: what comes after it has not happened yet. */
export async function lastSeq(db: Queries): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .executeTakeFirst()
  return Number(row?.seq ?? 0)
}

/** Events of `scope` after `after` and up to `upTo`, oldest first. */
export async function listEventsOf(
  db: Queries,
  scope: { readonly organizationId: string; readonly repositoryId?: string | undefined },
  o: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<Selectable<EventRow>[]> {
  let query = db
    .selectFrom('events')
    .selectAll()
    .where('seq', '>', o.after)
    .where('seq', '<=', o.upTo)
    .where('organization_id', '=', scope.organizationId)
    .orderBy('seq')
    .limit(o.limit)
  if (scope.repositoryId !== undefined) query = query.where('repository_id', '=', scope.repositoryId)
  return query.execute()
}
