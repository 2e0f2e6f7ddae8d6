/** The secret address of an upstream, by its hash. */
import type { Queries, Transaction } from '../engine/engine.ts'
import type { UpstreamHookRow, UpstreamRow } from '../schema.ts'

export async function findHook(db: Queries, upstreamId: string): Promise<UpstreamHookRow | undefined> {
  return db.selectFrom('upstream_hooks').selectAll().where('upstream_id', '=', upstreamId).executeTakeFirst()
}

/** The upstream whose address it is. */
export async function findUpstreamByHook(db: Queries, hash: string): Promise<UpstreamRow | undefined> {
  return db
    .selectFrom('upstream_hooks as hook')
    .innerJoin('upstreams as upstream', 'upstream.id', 'hook.upstream_id')
    .selectAll('upstream')
    .where('hook.hash', '=', hash)
    .executeTakeFirst()
}

/** The address of before, if there was one, is nobody's from now on. */
export async function setHook(
  tx: Transaction,
  hook: { readonly upstreamId: string; readonly hash: string; readonly at: string },
): Promise<void> {
  const columns = { hash: hook.hash, created_at: hook.at, counted_from: hook.at, counted: 0 }
  await tx
    .insertInto('upstream_hooks')
    .values({ upstream_id: hook.upstreamId, ...columns })
    .onConflict((conflict) => conflict.column('upstream_id').doUpdateSet(columns))
    .execute()
}

/** @returns whether there was one */
export async function removeHook(tx: Transaction, upstreamId: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('upstream_hooks')
    .where('upstream_id', '=', upstreamId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** Counts `by` more; those of before `since` are forgotten. @returns how many came, these included, and since when */
export async function countDelivery(
  tx: Transaction,
  upstreamId: string,
  o: { readonly at: string; readonly since: string; readonly by: number },
): Promise<{ readonly count: number; readonly from: string }> {
  const row = await tx
    .updateTable('upstream_hooks')
    .set((eb) => ({
      counted: eb
        .case()
        .when('counted_from', '<=', o.since)
        .then(o.by)
        .else(eb('counted', '+', o.by))
        .end(),
      counted_from: eb.case().when('counted_from', '<=', o.since).then(o.at).else(eb.ref('counted_from')).end(),
    }))
    .where('upstream_id', '=', upstreamId)
    .returning(['counted', 'counted_from'])
    .executeTakeFirst()
  return { count: row?.counted ?? 0, from: row?.counted_from ?? o.at }
}
