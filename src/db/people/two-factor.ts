/** Second factors: the sealed secret of an authenticator, the step of its last code, and the hashes of recovery codes. */
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type { TwoFactorRow } from '../schema.ts'

const readTwoFactor = prepareQuery((db, value: Value<Record<'userId', string>>) =>
  db.selectFrom('two_factors').selectAll().where('user_id', '=', value('userId')),
)

export async function findTwoFactor(db: Queries, userId: string): Promise<TwoFactorRow | undefined> {
  const [row] = await readTwoFactor(db, { userId })
  return row
}

/** Keeps a secret that is not confirmed yet, in place of another such one. @returns false when there is a confirmed one */
export async function beginTwoFactor(
  tx: Transaction,
  row: Pick<TwoFactorRow, 'user_id' | 'secret' | 'created_at'>,
): Promise<boolean> {
  if ((await findTwoFactor(tx, row.user_id))?.confirmed_at != null) return false
  await tx.deleteFrom('two_factors').where('user_id', '=', row.user_id).execute()
  await tx
    .insertInto('two_factors')
    .values({ ...row, confirmed_at: null, last_step: null })
    .execute()
  return true
}

/** @returns false when that secret is not the one that waits to be confirmed */
export async function confirmTwoFactor(
  tx: Transaction,
  o: { readonly userId: string; readonly secret: string; readonly step: number; readonly at: string },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('two_factors')
    .set({ confirmed_at: o.at, last_step: o.step })
    .where('user_id', '=', o.userId)
    .where('secret', '=', o.secret)
    .where('confirmed_at', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** Uses up the codes until that step. @returns false when one of that step or a later one was used already */
export async function useStep(
  tx: Transaction,
  o: { readonly userId: string; readonly secret: string; readonly step: number },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('two_factors')
    .set({ last_step: o.step })
    .where('user_id', '=', o.userId)
    .where('secret', '=', o.secret)
    .where((eb) => eb.or([eb('last_step', 'is', null), eb('last_step', '<', o.step)]))
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** @returns false when there is no such code, or not any more */
export async function useRecoveryCode(tx: Transaction, userId: string, hash: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('recovery_codes')
    .where('user_id', '=', userId)
    .where('hash', '=', hash)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

export async function countRecoveryCodes(db: Queries, userId: string): Promise<number> {
  const { left } = await db
    .selectFrom('recovery_codes')
    .select((eb) => eb.fn.countAll<number | string>().as('left'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return Number(left)
}

/** These, and none of before. */
export async function setRecoveryCodes(tx: Transaction, userId: string, hashes: readonly string[]): Promise<void> {
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  for (const hash of hashes) await tx.insertInto('recovery_codes').values({ user_id: userId, hash }).execute()
}

/** @returns false when there was none */
export async function removeTwoFactor(tx: Transaction, userId: string): Promise<boolean> {
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  const { numDeletedRows } = await tx.deleteFrom('two_factors').where('user_id', '=', userId).executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}
