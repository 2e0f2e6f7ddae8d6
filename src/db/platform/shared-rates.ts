import type { Transaction } from '../engine/engine.ts'

/** A rate that has been given out up to a time as long ago as this says nothing any more. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000

/** Up to when a rate has been given out, in microseconds since 1970; undefined: nobody has asked for any of it lately. */
export async function findSharedRate(tx: Transaction, name: string): Promise<number | undefined> {
  const row = await tx.selectFrom('shared_rates').select('until_us').where('name', '=', name).executeTakeFirst()
  return row?.until_us
}

export async function keepSharedRate(tx: Transaction, name: string, untilUs: number): Promise<void> {
  await tx
    .insertInto('shared_rates')
    .values({ name, until_us: untilUs })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ until_us: untilUs }))
    .execute()
}

/** Limits of long ago, which nobody asks for any more. */
export async function forgetSharedRates(tx: Transaction, nowMs: number): Promise<void> {
  await tx
    .deleteFrom('shared_rates')
    .where('until_us', '<', (nowMs - KEPT_MS) * 1000)
    .execute()
}
