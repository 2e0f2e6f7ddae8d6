/** Personal access tokens; only their hashes are here. */
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type { TokenRow, TokenScope } from '../schema.ts'
import type { Page } from './organizations.ts'

export async function insertToken(tx: Transaction, row: TokenRow): Promise<void> {
  await tx.insertInto('tokens').values(row).execute()
}

export interface TokenOwner {
  readonly id: string
  readonly scope: TokenScope
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
  readonly userId: string
  readonly username: string
  readonly email: string
  readonly isOperator: boolean
  readonly isDisabled: boolean
}

const readTokenByHash = prepareQuery((db, value: Value<Record<'hash', string>>) =>
  db
    .selectFrom('tokens')
    .innerJoin('users', 'users.id', 'tokens.user_id')
    .select(['tokens.id', 'tokens.scope', 'tokens.expires_at as expiresAt', 'tokens.last_used_at as lastUsedAt'])
    .select(['users.id as userId', 'users.email', 'users.is_operator', 'users.disabled_at'])
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
    .where('tokens.hash', '=', value('hash')),
)

/** The token of that hash and whose it is. */
export async function findTokenByHash(db: Queries, hash: string): Promise<TokenOwner | undefined> {
  const [row] = await readTokenByHash(db, { hash })
  if (row === undefined) return undefined
  const { is_operator, disabled_at, ...rest } = row
  return { ...rest, isOperator: is_operator === 1, isDisabled: disabled_at !== null }
}

/** A user's tokens by id, so that a page can go on where the last one ended. */
export async function listTokens(db: Queries, userId: string, page: Page): Promise<TokenRow[]> {
  let query = db.selectFrom('tokens').selectAll().where('user_id', '=', userId).orderBy('id').limit(page.limit)
  if (page.after !== undefined) query = query.where('id', '>', page.after)
  return query.execute()
}

/** @returns false when the user has no such token */
export async function removeToken(tx: Transaction, userId: string, id: string): Promise<boolean> {
  // What was obtained with the token goes with it (ON DELETE CASCADE of refresh_tokens).
  const { numDeletedRows } = await tx
    .deleteFrom('tokens')
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

export async function touchToken(tx: Transaction, id: string, at: string): Promise<void> {
  await tx.updateTable('tokens').set({ last_used_at: at }).where('id', '=', id).execute()
}
