/** What was found out about pairs of images, so that it is found out once: seven tags move together, and deliveries are tried again. */
import type { Queries, Transaction } from '../engine/engine.ts'

export async function findDifference(db: Queries, key: string): Promise<string | undefined> {
  const row = await db.selectFrom('image_differences').select('difference').where('key', '=', key).executeTakeFirst()
  return row?.difference
}

/** Keeps it, and forgets what is older than `before`. */
export async function keepDifference(
  tx: Transaction,
  o: { readonly key: string; readonly at: string; readonly difference: string; readonly before: string },
): Promise<void> {
  await tx.deleteFrom('image_differences').where('at', '<', o.before).execute()
  await tx
    .insertInto('image_differences')
    .values({ key: o.key, at: o.at, difference: o.difference })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute()
}
