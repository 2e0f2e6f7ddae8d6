import type { Queries, Transaction } from '../engine/engine.ts'

/** No registry's word holds for longer than a day: what is older is of accounts that nobody uses any more. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000

/** What was kept, of `net/learned-budget.ts`; undefined: nothing. */
export async function findLearnedBudget(db: Queries, account: string): Promise<unknown> {
  const row = await db.selectFrom('learned_budgets').select('learned').where('account', '=', account).executeTakeFirst()
  return row === undefined ? undefined : (JSON.parse(row.learned) as unknown)
}

/** @param merge what is to be kept, from what is */
export async function keepLearnedBudget(
  tx: Transaction,
  o: { readonly account: string; readonly at: string; merge(kept: unknown): unknown },
): Promise<void> {
  const { account, at } = o
  const learned = JSON.stringify(o.merge(await findLearnedBudget(tx, account)))
  await tx
    .insertInto('learned_budgets')
    .values({ account, learned, learned_at: at })
    .onConflict((conflict) => conflict.column('account').doUpdateSet({ learned, learned_at: at }))
    .execute()
  const before = new Date(Date.parse(at) - KEPT_MS).toISOString()
  await tx.deleteFrom('learned_budgets').where('learned_at', '<', before).execute()
}
