/**
 * Accounts as better-auth lays them out, written in the transaction of what belongs to them: a new user joins with the invitation that made
 * it, and a new password ends what the old one opened.
 */
import { sql } from 'kysely'
import { newId } from '../../lib/ids.ts'
import type { Queries, Transaction } from '../engine/engine.ts'

/** Stands for no mail address: the column wants one, each another. */
export const NO_ADDRESS = '@users.invalid'

export interface NewAccount {
  readonly username: string
  /** As better-auth hashes it; undefined: there is none, others vouch for who it is. */
  readonly passwordHash: string | undefined
  readonly displayName: string
  /** Lower case; undefined: none. */
  readonly email: string | undefined
  /** Whether the address was proved. */
  readonly isVerified?: boolean
  readonly at: string
}

/** @returns the id; a name or address that is taken breaks a unique index */
export async function insertAccount(tx: Transaction, account: NewAccount): Promise<string> {
  const { username, passwordHash, displayName, email, isVerified = false, at } = account
  const id = newId()
  const times = { created_at: at, updated_at: at }
  await tx
    .insertInto('users')
    .values({
      id,
      name: displayName,
      username,
      display_username: username,
      email: email ?? username + NO_ADDRESS,
      email_verified: isVerified ? sql<boolean>`true` : sql<boolean>`false`,
      ...times,
    })
    .execute()
  if (passwordHash !== undefined) await insertPassword(tx, id, passwordHash, at)
  return id
}

async function insertPassword(tx: Transaction, userId: string, password: string, at: string): Promise<void> {
  await tx
    .insertInto('accounts')
    .values({
      id: newId(),
      user_id: userId,
      account_id: userId,
      provider_id: 'credential',
      password,
      created_at: at,
      updated_at: at,
    })
    .execute()
}

/** Whether the name (or what stands for the mail address of who has none), or the mail address, is another user's. */
export async function isTaken(
  db: Queries,
  o: { readonly username?: string; readonly email?: string | undefined; readonly besides?: string },
): Promise<boolean> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where((eb) => {
      const email = eb('email', '=', o.email ?? '')
      const { username } = o
      return username === undefined
        ? email
        : eb.or([eb('username', '=', username), eb('email', '=', username + NO_ADDRESS), email])
    })
    .where('id', '!=', o.besides ?? '')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Sets the password; whoever had none has one then.
 * @param o.before the hash that it replaces, when that was proved: another one means that somebody was faster
 * @returns false when `before` is not there any more
 */
export async function setPassword(
  tx: Transaction,
  userId: string,
  o: { readonly hash: string; readonly before?: string; readonly at: string },
): Promise<boolean> {
  let update = tx
    .updateTable('accounts')
    .set({ password: o.hash, updated_at: o.at })
    .where('user_id', '=', userId)
    .where('provider_id', '=', 'credential')
  if (o.before !== undefined) update = update.where('password', '=', o.before)
  const { numUpdatedRows } = await update.executeTakeFirstOrThrow()
  if (numUpdatedRows > 0n) return true
  if (o.before !== undefined) return false
  await insertPassword(tx, userId, o.hash, o.at)
  return true
}

export interface Profile {
  readonly id: string
  readonly username: string
  readonly displayName: string
  readonly email: string | null
  readonly isOperator: boolean
  readonly hasTwoFactor: boolean
  /** False: signs in by providers alone. */
  readonly hasPassword: boolean
  readonly createdAt: string
}

export async function findProfile(db: Queries, userId: string): Promise<Profile | undefined> {
  const row = await db
    .selectFrom('users')
    .leftJoin('two_factors', 'two_factors.user_id', 'users.id')
    .leftJoin('accounts', (join) =>
      join.onRef('accounts.user_id', '=', 'users.id').on('accounts.provider_id', '=', 'credential'),
    )
    .select(['users.id', 'users.name', 'users.email', 'users.is_operator', 'users.created_at'])
    .select(['two_factors.confirmed_at', 'accounts.password'])
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
    .where('users.id', '=', userId)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    id: row.id,
    username: row.username,
    displayName: row.name,
    email: row.email.endsWith(NO_ADDRESS) ? null : row.email,
    isOperator: row.is_operator === 1,
    hasTwoFactor: row.confirmed_at !== null,
    hasPassword: row.password !== null,
    createdAt: new Date(row.created_at).toISOString(),
  }
}

/** Mail addresses of an organization's owners, of those that have one. */
export async function listOwnerAddresses(db: Queries, organizationId: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select('users.email')
    .where('members.organization_id', '=', organizationId)
    .where('members.role', '=', 'owner')
    .where('users.disabled_at', 'is', null)
    .where('users.email', 'not like', `%${NO_ADDRESS}`)
    .orderBy('users.id')
    .limit(limit)
    .execute()
  return rows.map(({ email }) => email)
}

/** What is undefined stays. @param change.email null: none any more; another one is not proved, whatever the one before was */
export async function changeProfile(
  tx: Transaction,
  user: { readonly id: string; readonly username: string },
  change: {
    readonly displayName?: string | undefined
    readonly email?: string | null | undefined
    readonly at: string
  },
): Promise<void> {
  const { displayName, at } = change
  const email = change.email === null ? user.username + NO_ADDRESS : change.email
  if (email !== undefined) {
    await tx
      .updateTable('users')
      .set({ email, email_verified: sql<boolean>`false` })
      .where('id', '=', user.id)
      .where('email', '!=', email)
      .execute()
  }
  await tx
    .updateTable('users')
    .set({
      updated_at: at,
      ...(displayName === undefined ? {} : { name: displayName }),
    })
    .where('id', '=', user.id)
    .execute()
}
