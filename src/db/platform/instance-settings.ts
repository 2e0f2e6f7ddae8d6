import type { Queries, Transaction } from '../engine/engine.ts'

export async function findInstanceSetting(db: Queries, key: string): Promise<string | undefined> {
  const row = await db.selectFrom('instance_settings').select('value').where('key', '=', key).executeTakeFirst()
  return row?.value
}

/** Writes the value unless the key has one already, and returns what it has now: servers that start at once agree. */
export async function claimInstanceSetting(tx: Transaction, key: string, value: string): Promise<string> {
  await tx
    .insertInto('instance_settings')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute()
  return (await findInstanceSetting(tx, key)) ?? value
}

export async function setInstanceSetting(tx: Transaction, key: string, value: string): Promise<void> {
  await tx
    .insertInto('instance_settings')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}
