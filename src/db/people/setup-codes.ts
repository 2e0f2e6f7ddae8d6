/** Codes by which a page makes the first owner: each start of a server prints one. Only their keyed hashes are here. */
import type { Queries, Transaction } from '../engine/engine.ts'
import type { SetupCodeRow } from '../schema.ts'
import { makeRoomForSecret } from './printed-secrets.ts'

/** Adds the code; those that are over, and the oldest beyond the limit, go. */
export async function insertSetupCode(tx: Transaction, row: SetupCodeRow): Promise<void> {
  await makeRoomForSecret(tx, 'setup_codes', { at: row.created_at })
  await tx.insertInto('setup_codes').values(row).execute()
}

export async function hasSetupCode(db: Queries, hash: string, at: string): Promise<boolean> {
  const row = await db
    .selectFrom('setup_codes')
    .select('hash')
    .where('hash', '=', hash)
    .where('ends_at', '>', at)
    .executeTakeFirst()
  return row !== undefined
}

/** Takes the one use of a code, and with it all others: there is one first owner. @returns false: unknown, over, or used */
export async function takeSetupCode(tx: Transaction, hash: string, at: string): Promise<boolean> {
  if (!(await hasSetupCode(tx, hash, at))) return false
  await tx.deleteFrom('setup_codes').execute()
  return true
}
