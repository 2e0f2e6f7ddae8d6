/** Refresh tokens of the token service ("identity tokens" in Docker's words); only their hashes are here. */
import type { Queries, Transaction } from '../engine/engine.ts'
import type { RefreshTokenRow, TokenScope } from '../schema.ts'

/** Docker asks for one at every login and never gives one back. */
export const MAX_REFRESH_TOKENS = 100

/** Adds the row; the user's expired and oldest ones beyond MAX_REFRESH_TOKENS go. */
export async function insertRefreshToken(tx: Transaction, row: RefreshTokenRow): Promise<void> {
  await tx
    .deleteFrom('refresh_tokens')
    .where('user_id', '=', row.user_id)
    .where((eb) =>
      eb.or([
        eb('expires_at', '<=', row.created_at),
        eb(
          'id',
          'in',
          eb
            .selectFrom('refresh_tokens')
            .select('id')
            .where('user_id', '=', row.user_id)
            .orderBy('created_at', 'desc')
            .orderBy('id')
            .limit(MAX_REFRESH_TOKENS)
            .offset(MAX_REFRESH_TOKENS - 1),
        ),
      ]),
    )
    .execute()
  await tx.insertInto('refresh_tokens').values(row).execute()
}

export interface RefreshTokenOwner {
  readonly id: string
  readonly service: string
  readonly expiresAt: string
  readonly lastUsedAt: string | null
  readonly userId: string
  readonly username: string
  readonly isOperator: boolean
  /** The personal access token it was obtained with; null for a password. Its expiry binds the refresh token too. */
  readonly tokenId: string | null
  readonly tokenScope: TokenScope | null
  readonly tokenExpiresAt: string | null
}

export async function findRefreshTokenByHash(db: Queries, hash: string): Promise<RefreshTokenOwner | undefined> {
  const row = await db
    .selectFrom('refresh_tokens')
    .innerJoin('users', 'users.id', 'refresh_tokens.user_id')
    .leftJoin('tokens', 'tokens.id', 'refresh_tokens.token_id')
    .leftJoin('two_factors', 'two_factors.user_id', 'users.id')
    .select(['refresh_tokens.id', 'refresh_tokens.service', 'refresh_tokens.expires_at as expiresAt'])
    .select('refresh_tokens.last_used_at as lastUsedAt')
    .select(['refresh_tokens.token_id as tokenId', 'tokens.scope as tokenScope', 'tokens.expires_at as tokenExpiresAt'])
    .select(['users.id as userId', 'users.is_operator'])
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
    .where('refresh_tokens.hash', '=', hash)
    .where('users.disabled_at', 'is', null)
    // A password alone opens nothing any more, whatever it had opened at the very moment of the change.
    .where((eb) => eb.or([eb('refresh_tokens.token_id', 'is not', null), eb('two_factors.confirmed_at', 'is', null)]))
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { is_operator, ...rest } = row
  return { ...rest, isOperator: is_operator === 1 }
}

export async function extendRefreshToken(
  tx: Transaction,
  id: string,
  o: { readonly expiresAt: string; readonly lastUsedAt: string },
): Promise<void> {
  await tx
    .updateTable('refresh_tokens')
    .set({ expires_at: o.expiresAt, last_used_at: o.lastUsedAt })
    .where('id', '=', id)
    .execute()
}
