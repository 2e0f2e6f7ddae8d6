/** What we read of better-auth's tables, and the one column there that is ours; `accounts.ts` beside this writes the rest. */
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type { Page } from './organizations.ts'

export interface User {
  readonly id: string
  readonly username: string
  readonly isOperator: boolean
}

function users(db: Queries) {
  return db
    .selectFrom('users')
    .select(['id', 'is_operator'])
    .select((eb) => eb.fn.coalesce('username', 'id').as('username'))
}

function userOf(row: { id: string; username: string; is_operator: number }): User {
  return { id: row.id, username: row.username, isOperator: row.is_operator === 1 }
}

export async function findUserByName(db: Queries, username: string): Promise<User | undefined> {
  const row = await users(db).where('username', '=', username.toLowerCase()).executeTakeFirst()
  return row === undefined ? undefined : userOf(row)
}

export async function findUserById(db: Queries, id: string): Promise<User | undefined> {
  const row = await users(db).where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : userOf(row)
}

/**
 * The user of that name, as far as `viewer` may know of it: operators know all, others those who share an organization with them.
 * By id anybody is found: ids cannot be guessed, so whoever has one was told.
 */
export async function findUserSeenBy(
  db: Queries,
  viewer: { readonly userId: string; readonly isOperator: boolean },
  nameOrId: string,
): Promise<User | undefined> {
  let byName = users(db).where('username', '=', nameOrId.toLowerCase())
  if (!viewer.isOperator) {
    byName = byName.where('id', 'in', (eb) =>
      eb
        .selectFrom('members as own')
        .innerJoin('members as seen', 'seen.organization_id', 'own.organization_id')
        .select('seen.user_id')
        .where('own.user_id', '=', viewer.userId),
    )
  }
  const row = (await byName.executeTakeFirst()) ?? (await users(db).where('id', '=', nameOrId).executeTakeFirst())
  return row === undefined ? undefined : userOf(row)
}

/** By name. */
export async function listUsers(db: Queries, page: Page): Promise<User[]> {
  let query = users(db).orderBy('username').limit(page.limit)
  if (page.after !== undefined) query = query.where('username', '>', page.after)
  return (await query.execute()).map(userOf)
}

export async function isDisabled(db: Queries, userId: string): Promise<boolean> {
  const [row] = await readDisabled(db, { userId })
  return row !== undefined && row.disabled_at !== null
}

const readDisabled = prepareQuery((db, value: Value<{ readonly userId: string }>) =>
  db.selectFrom('users').select('disabled_at').where('id', '=', value('userId')),
)

export async function hasOperator(db: Queries): Promise<boolean> {
  const row = await db.selectFrom('users').select('id').where('is_operator', '=', 1).limit(1).executeTakeFirst()
  return row !== undefined
}

/** Whom a message to the operator names: `preferred` where that is one, else who has been one for longest. */
export async function findOperator(db: Queries, preferred: string): Promise<User | undefined> {
  const operators = users(db).where('is_operator', '=', 1)
  const row =
    (await operators.where('username', '=', preferred).executeTakeFirst()) ??
    (await operators.orderBy('created_at').orderBy('id').limit(1).executeTakeFirst())
  return row === undefined ? undefined : userOf(row)
}

export async function makeOperator(tx: Transaction, userId: string): Promise<void> {
  await tx.updateTable('users').set({ is_operator: 1 }).where('id', '=', userId).execute()
}

export interface PasswordAccount extends User {
  /** As better-auth hashed it; null: signs in another way. */
  readonly passwordHash: string | null
}

const readPasswordAccount = prepareQuery((db, value: Value<Record<'login', string>>) =>
  db
    .selectFrom('users')
    .innerJoin('accounts', (join) =>
      join.onRef('accounts.user_id', '=', 'users.id').on('accounts.provider_id', '=', 'credential'),
    )
    .select(['users.id', 'users.is_operator', 'accounts.password'])
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
    .where((eb) => eb.or([eb('users.username', '=', value('login')), eb('users.email', '=', value('login'))])),
)

/** The user by name or mail address, with the password's hash: a new hash means a changed password. */
export async function findPasswordAccount(db: Queries, login: string): Promise<PasswordAccount | undefined> {
  const [row] = await readPasswordAccount(db, { login: login.toLowerCase() })
  return row === undefined ? undefined : { ...userOf(row), passwordHash: row.password }
}
