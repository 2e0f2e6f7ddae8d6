/** Whoever reads objects by what the database said a while ago holds their removal up (`0057-storage-holds`). */
import type { Queries, Transaction } from '../engine/engine.ts'

/**
 * From the commit on, no object is removed whose row was there at that time: take a hold first, then read what there is.
 * @param hold `now` and `expiresAt` in ISO 8601
 */
export async function takeStorageHold(
  tx: Transaction,
  hold: { readonly id: string; readonly now: string; readonly expiresAt: string },
): Promise<void> {
  // Those of readers that were killed.
  await tx.deleteFrom('storage_holds').where('expires_at', '<=', hold.now).execute()
  await tx.insertInto('storage_holds').values({ id: hold.id, since: hold.now, expires_at: hold.expiresAt }).execute()
}

/** @returns false when it had run out: objects may have been removed since */
export async function extendStorageHold(
  tx: Transaction,
  hold: { readonly id: string; readonly now: string; readonly expiresAt: string },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('storage_holds')
    .set({ expires_at: hold.expiresAt })
    .where('id', '=', hold.id)
    .where('expires_at', '>', hold.now)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function releaseStorageHold(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('storage_holds').where('id', '=', id).execute()
}

/** Whether a blob has its bytes in this object now. */
export async function isStorageKeyNamed(db: Queries, storageKey: string): Promise<boolean> {
  const row = await db.selectFrom('blobs').select('digest').where('storage_key', '=', storageKey).executeTakeFirst()
  return row !== undefined
}
