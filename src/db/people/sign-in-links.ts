/** Links that open a page signed in, once; only the hashes of their secrets are here. */
import type { Transaction } from '../engine/engine.ts'
import type { SignInLinkRow } from '../schema.ts'
import { makeRoomForSecret } from './printed-secrets.ts'
import { findUserById, type User } from './users.ts'

/** Adds the link; those that are over go, whosever they were, and the user's oldest beyond the limit. */
export async function insertSignInLink(tx: Transaction, row: SignInLinkRow): Promise<void> {
  await makeRoomForSecret(tx, 'sign_in_links', { at: row.created_at, userId: row.user_id })
  await tx.insertInto('sign_in_links').values(row).execute()
}

/** Takes the one use of a link. @returns whose it was; undefined: unknown, over, or used */
export async function takeSignInLink(tx: Transaction, hash: string, at: string): Promise<User | undefined> {
  const taken = await tx
    .deleteFrom('sign_in_links')
    .where('hash', '=', hash)
    .where('ends_at', '>', at)
    .returning('user_id')
    .executeTakeFirst()
  return taken && findUserById(tx, taken.user_id)
}
