/** Whole catalogs that organizations mirror; `subscription-entries.ts` has what each entry has become. */
import { byBytes, type Chunk, pageOfChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { SubscriptionRow } from '../schema.ts'

/** A subscription with the names that people know it by. */
export interface SubscriptionRecord extends SubscriptionRow {
  readonly organization: string
  readonly upstream: string
}

function subscriptionQuery(db: Queries) {
  return db
    .selectFrom('subscriptions as subscription')
    .innerJoin('organizations as organization', 'organization.id', 'subscription.organization_id')
    .innerJoin('upstreams as upstream', 'upstream.id', 'subscription.upstream_id')
    .selectAll('subscription')
    .select(['organization.name as organization', 'upstream.name as upstream'])
    .$castTo<SubscriptionRecord>()
}

export async function findSubscription(db: Queries, id: string): Promise<SubscriptionRecord | undefined> {
  return subscriptionQuery(db).where('subscription.id', '=', id).executeTakeFirst()
}

/** Where a page ended. */
export function subscriptionCursor(row: { readonly createdAt: string; readonly id: string }): string {
  return formatCursor([row.createdAt, row.id])
}

/** Oldest first. @param o.after see subscriptionCursor @throws AppError INVALID_REQUEST when it is none */
export async function listSubscriptions(
  db: Queries,
  o: { readonly organizationIds: readonly string[]; readonly after?: string | undefined; readonly limit: number },
): Promise<SubscriptionRecord[]> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  let query = subscriptionQuery(db).orderBy('subscription.created_at').orderBy('subscription.id').limit(o.limit)
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('subscription.created_at', '>', after[0]),
        eb.and([eb('subscription.created_at', '=', after[0]), eb('subscription.id', '>', after[1])]),
      ]),
    )
  }
  const ofOrganizations = (chunk: Chunk<string>) => query.where('subscription.organization_id', 'in', chunk).execute()
  return pageOfChunks(o.organizationIds, ofOrganizations, {
    limit: o.limit,
    keyOf: ({ id }) => id,
    compare: (a, b) => byBytes(a.created_at, b.created_at) || byBytes(a.id, b.id),
  })
}

/** One that goes on and asks for exactly the same. */
export async function findSameSubscription(
  db: Queries,
  row: Pick<SubscriptionRow, 'organization_id' | 'upstream_id' | 'match_globs' | 'except_globs' | 'repositories'>,
): Promise<SubscriptionRow | undefined> {
  const rows = await db
    .selectFrom('subscriptions')
    .selectAll()
    .where('organization_id', '=', row.organization_id)
    .where('upstream_id', '=', row.upstream_id)
    .where('match_globs', '=', row.match_globs)
    .where('except_globs', '=', row.except_globs)
    .where('state', '!=', 'stopped')
    .execute()
  return rows.find(({ repositories }) => repositories === row.repositories)
}

export async function insertSubscription(tx: Transaction, row: SubscriptionRow): Promise<void> {
  await tx.insertInto('subscriptions').values(row).execute()
}

export async function updateSubscription(
  tx: Transaction,
  id: string,
  change: Partial<Omit<SubscriptionRow, 'id' | 'organization_id' | 'upstream_id' | 'created_at'>>,
): Promise<void> {
  await tx.updateTable('subscriptions').set(change).where('id', '=', id).execute()
}

/** Those that have something to do at `now`. */
export async function listDueSubscriptions(db: Queries, now: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('subscriptions')
    .select('id')
    .where((eb) => eb.or([eb('work_due', '=', 1), eb('next_read_at', '<=', now)]))
    .orderBy('next_read_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** When the next catalog is to be read. */
export async function findNextRead(db: Queries): Promise<string | undefined> {
  const row = await db
    .selectFrom('subscriptions')
    .select('next_read_at')
    .where('next_read_at', 'is not', null)
    .orderBy('next_read_at')
    .limit(1)
    .executeTakeFirst()
  return row?.next_read_at ?? undefined
}

/** After a change of the upstream: what could not be read is tried at once. What people have paused stays so. */
export async function readAgain(tx: Transaction, upstreamId: string, at: string): Promise<void> {
  await tx
    .updateTable('subscriptions')
    .set({ next_read_at: at, failed_reads: 0 })
    .where('upstream_id', '=', upstreamId)
    .where('next_read_at', 'is not', null)
    .execute()
}
