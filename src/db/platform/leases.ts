import type { Queries, Transaction } from '../engine/engine.ts'
import type { LeaseRow } from '../schema.ts'

/** The lease that says that a server lives is this and its name. */
export const SERVER_LEASE = 'server:'

/**
 * Takes a lease that nobody holds or whose time is over. Each taking has a higher generation, which fences off whoever held it before.
 * @returns the generation; undefined while another holds it
 */
export async function claimLease(
  tx: Transaction,
  lease: { readonly key: string; readonly holder: string; readonly now: string; readonly expiresAt: string },
): Promise<number | undefined> {
  const row = await tx
    .insertInto('leases')
    .values({ key: lease.key, generation: 1, holder: lease.holder, expires_at: lease.expiresAt })
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet((eb) => ({
          generation: eb('leases.generation', '+', 1),
          holder: lease.holder,
          expires_at: lease.expiresAt,
        }))
        .where((eb) => eb.or([eb('leases.holder', 'is', null), eb('leases.expires_at', '<=', lease.now)])),
    )
    .returning('generation')
    .executeTakeFirst()
  return row?.generation
}

/** @returns false when the lease has another generation by now, or was given up */
export async function extendLease(
  tx: Transaction,
  lease: { readonly key: string; readonly generation: number; readonly expiresAt: string },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('leases')
    .set({ expires_at: lease.expiresAt })
    .where('key', '=', lease.key)
    .where('generation', '=', lease.generation)
    .where('holder', 'is not', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Gives the lease up; nothing happens when another has it by now. */
export async function releaseLease(tx: Transaction, key: string, generation: number): Promise<void> {
  await tx
    .updateTable('leases')
    .set({ holder: null })
    .where('key', '=', key)
    .where('generation', '=', generation)
    .execute()
}

/** Makes every lease free whose key begins with `prefix`. Only for a process that knows that it is the only one. */
export async function voidLeases(tx: Transaction, prefix: string): Promise<void> {
  await tx.updateTable('leases').set({ holder: null }).where('key', 'like', `${prefix}%`).execute()
}

export async function findLease(db: Queries, key: string): Promise<LeaseRow | undefined> {
  return db.selectFrom('leases').selectAll().where('key', '=', key).executeTakeFirst()
}

/** Leases whose key begins with `prefix`. */
export async function listLeases(db: Queries, prefix: string): Promise<LeaseRow[]> {
  return db.selectFrom('leases').selectAll().where('key', 'like', `${prefix}%`).execute()
}

/** Takes the lease from `holder` (null: from whoever has it): whatever it writes under it from now on is refused. */
export async function voidLease(tx: Transaction, key: string, holder: string | null): Promise<void> {
  const query = tx.updateTable('leases').set({ holder: null }).where('key', '=', key)
  await (holder === null ? query : query.where('holder', '=', holder)).execute()
}

/** Removes leases that nobody holds, or whose time was over before `before`. Only where nothing was ever fenced by them. */
export async function forgetLeases(tx: Transaction, prefix: string, before: string): Promise<void> {
  await tx
    .deleteFrom('leases')
    .where('key', 'like', `${prefix}%`)
    .where((eb) => eb.or([eb('holder', 'is', null), eb('expires_at', '<', before)]))
    .execute()
}
