/** All accounts of an instance, for its operators: who is there, who may operate it, and who is shut out. */
import { AppError } from '../../errors.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { Snapshot } from '../platform/audited-change.ts'
import { NO_ADDRESS } from './accounts.ts'
import { readLastSeen } from './last-seen.ts'
import type { Page } from './organizations.ts'
import { endPasswordLogins } from './sessions.ts'

export interface UserAccount {
  readonly id: string
  readonly username: string
  readonly displayName: string
  readonly email: string | null
  readonly isOperator: boolean
  readonly hasTwoFactor: boolean
  readonly disabledAt: string | null
  /** How many they are a member of. */
  readonly organizations: number
  readonly createdAt: string
  readonly lastSeenAt: string | null
}

function accounts(db: Queries) {
  return db
    .selectFrom('users')
    .leftJoin('two_factors', 'two_factors.user_id', 'users.id')
    .select(['users.id', 'users.name', 'users.email', 'users.is_operator', 'users.disabled_at', 'users.created_at'])
    .select('two_factors.confirmed_at')
    .select((eb) => [
      eb.fn.coalesce('users.username', 'users.id').as('username'),
      eb
        .selectFrom('members')
        .select((inner) => inner.fn.countAll<number>().as('number'))
        .whereRef('members.user_id', '=', 'users.id')
        .as('organizations'),
    ])
}

type Row = Awaited<ReturnType<ReturnType<typeof accounts>['execute']>>[number]

async function described(db: Queries, rows: readonly Row[]): Promise<UserAccount[]> {
  const seen = await readLastSeen(
    db,
    rows.map(({ id }) => id),
  )
  return rows.map((row) => ({
    id: row.id,
    username: row.username,
    displayName: row.name,
    email: row.email.endsWith(NO_ADDRESS) ? null : row.email,
    isOperator: row.is_operator === 1,
    hasTwoFactor: row.confirmed_at !== null,
    disabledAt: row.disabled_at,
    organizations: Number(row.organizations ?? 0),
    createdAt: new Date(row.created_at).toISOString(),
    lastSeenAt: seen.get(row.id) ?? null,
  }))
}

/** By user name. */
export async function listUserAccounts(db: Queries, page: Page): Promise<UserAccount[]> {
  let query = accounts(db).orderBy('username').limit(page.limit)
  if (page.after !== undefined) {
    query = query.where((eb) => eb.fn.coalesce('users.username', 'users.id'), '>', page.after)
  }
  return described(db, await query.execute())
}

/** @throws AppError NOT_FOUND */
export async function getUserAccount(db: Queries, username: string): Promise<UserAccount> {
  const [user] = await described(db, await accounts(db).where('users.username', '=', username.toLowerCase()).execute())
  if (user === undefined)
    throw new AppError('NOT_FOUND', `there is no user ${username}`, {
      about: { reason: 'absent', what: 'user', name: username },
    })
  return user
}

export async function standingState(db: Queries, username: string): Promise<Snapshot | undefined> {
  const row = await db
    .selectFrom('users')
    .select(['is_operator', 'disabled_at'])
    .where('username', '=', username.toLowerCase())
    .executeTakeFirst()
  return row && { state: { operator: row.is_operator === 1, disabled: row.disabled_at !== null } }
}

/**
 * What is undefined stays. Who is disabled is signed out everywhere; tokens serve again once they are let in again.
 * @throws AppError NOT_FOUND, CONFLICT when nobody could operate the instance then
 */
export async function changeStanding(
  tx: Transaction,
  username: string,
  change: { readonly operator?: boolean | undefined; readonly disabled?: boolean | undefined; readonly at: string },
): Promise<void> {
  const user = await getUserAccount(tx, username)
  const { operator = user.isOperator, disabled = user.disabledAt !== null, at } = change
  if (user.isOperator && user.disabledAt === null && (!operator || disabled)) await keepAnOperator(tx, user.id)
  await tx
    .updateTable('users')
    .set({ is_operator: operator ? 1 : 0, disabled_at: disabled ? (user.disabledAt ?? at) : null })
    .where('id', '=', user.id)
    .execute()
  if (disabled && user.disabledAt === null) await endPasswordLogins(tx, user.id)
}

async function keepAnOperator(tx: Transaction, besides: string): Promise<void> {
  const other = await tx
    .selectFrom('users')
    .select('id')
    .where('is_operator', '=', 1)
    .where('disabled_at', 'is', null)
    .where('id', '!=', besides)
    .limit(1)
    .executeTakeFirst()
  if (other === undefined)
    throw new AppError('CONFLICT', 'the server needs an operator: make somebody else one first', {
      about: { reason: 'last', what: 'operator' },
    })
}
