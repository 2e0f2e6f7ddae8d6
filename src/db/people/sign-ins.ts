/** Sign-ins by providers that are under way, and whom a provider's people are here. What is over is forgotten as others begin. */
import { sql } from 'kysely'
import { newId } from '../../lib/ids.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { SignInAttemptRow } from '../schema.ts'
import { accountProviderOf } from './identity-people.ts'
import type { User } from './users.ts'
import { makeRoom, type WaitingLimit } from './waiting-limit.ts'

/** Where a command line waits for the end of a sign-in. */
export interface Loopback {
  readonly port: number
  /** Of the code that it will get: base64url of the SHA-256 of what only it knows. */
  readonly challenge: string
  readonly state: string
}

/** Whom a provider has vouched for. */
export interface VouchedPerson {
  readonly subject: string
  /** What they are called there. */
  readonly name: string
  /** Only where the provider says that it was verified; lower case. */
  readonly email: string | null
  /** Those that stand for teams here, as it writes them. */
  readonly groups: readonly string[]
}

/** @throws AppError TOOMANYREQUESTS when too many of that network are under way */
export async function insertAttempt(
  tx: Transaction,
  { loopback, ...attempt }: Omit<SignInAttemptRow, 'loopback'> & { readonly loopback: Loopback | undefined },
  o: { readonly at: string; readonly most: WaitingLimit },
): Promise<void> {
  await makeRoom(tx, 'sign_in_attempts', { ...o, network: attempt.network, what: 'sign-ins' })
  await tx
    .insertInto('sign_in_attempts')
    .values({ ...attempt, loopback: loopback === undefined ? null : JSON.stringify(loopback) })
    .execute()
}

export interface TakenAttempt {
  readonly redirectUri: string
  readonly loopback: Loopback | undefined
  /** Where the browser goes back to; null: to the start. */
  readonly next: string | null
  /** Whose account the person is to be linked to; null: it is a sign-in. */
  readonly userId: string | null
}

/** Takes the one use of a state. @returns undefined: unknown, over, used, or of another provider */
export async function takeAttempt(
  tx: Transaction,
  o: { readonly hash: string; readonly providerId: string; readonly at: string },
): Promise<TakenAttempt | undefined> {
  const row = await tx
    .deleteFrom('sign_in_attempts')
    .where('hash', '=', o.hash)
    .where('provider_id', '=', o.providerId)
    .where('ends_at', '>', o.at)
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) return undefined
  const loopback = row.loopback === null ? undefined : (JSON.parse(row.loopback) as Loopback)
  return { redirectUri: row.redirect_uri, loopback, next: row.next, userId: row.user_id }
}

export async function insertCode(
  tx: Transaction,
  code: {
    readonly hash: string
    readonly providerId: string
    readonly challenge: string
    readonly person: VouchedPerson
    readonly endsAt: string
  },
  at: string,
): Promise<void> {
  await tx.deleteFrom('sign_in_codes').where('ends_at', '<=', at).execute()
  const { hash, challenge } = code
  await tx
    .insertInto('sign_in_codes')
    .values({
      hash,
      challenge,
      provider_id: code.providerId,
      person: JSON.stringify(code.person),
      ends_at: code.endsAt,
    })
    .execute()
}

/** Takes the one use of a code, whether what is then proven is right or not. */
export async function takeCode(
  tx: Transaction,
  hash: string,
  at: string,
): Promise<{ readonly providerId: string; readonly challenge: string; readonly person: VouchedPerson } | undefined> {
  const row = await tx
    .deleteFrom('sign_in_codes')
    .where('hash', '=', hash)
    .where('ends_at', '>', at)
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) return undefined
  return { providerId: row.provider_id, challenge: row.challenge, person: JSON.parse(row.person) as VouchedPerson }
}

function users(db: Queries) {
  return db
    .selectFrom('users')
    .select(['users.id', 'users.is_operator'])
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
}

const userOf = (row: { id: string; username: string; is_operator: number }): User => ({
  id: row.id,
  username: row.username,
  isOperator: row.is_operator === 1,
})

/** Who that person is here. */
export async function findLinkedUser(db: Queries, linkKey: string, subject: string): Promise<User | undefined> {
  const row = await users(db)
    .innerJoin('accounts', 'accounts.user_id', 'users.id')
    .where('accounts.provider_id', '=', accountProviderOf(linkKey))
    .where('accounts.account_id', '=', subject)
    .executeTakeFirst()
  return row === undefined ? undefined : userOf(row)
}

/** Whose verified mail address it is here; `isTaken` where somebody has it, verified or not. */
export async function findUserByEmail(
  db: Queries,
  email: string,
): Promise<{ readonly verified: User | undefined; readonly isTaken: boolean }> {
  const row = await users(db)
    .select(sql<number>`CASE WHEN email_verified THEN 1 ELSE 0 END`.as('is_verified'))
    .where('users.email', '=', email)
    .executeTakeFirst()
  return { verified: row?.is_verified === 1 ? userOf(row) : undefined, isTaken: row !== undefined }
}

/** The person is that user from now on. */
export async function linkUser(
  tx: Transaction,
  o: { readonly userId: string; readonly linkKey: string; readonly subject: string; readonly at: string },
): Promise<void> {
  // In the transaction of the membership that the first sign-in gives: both, or neither.
  const { userId: user_id, subject: account_id, at } = o
  const provider_id = accountProviderOf(o.linkKey)
  await tx
    .insertInto('accounts')
    .values({ id: newId(), user_id, account_id, provider_id, password: null, created_at: at, updated_at: at })
    .execute()
}

/** The person is another user from now on. */
export async function moveLink(
  tx: Transaction,
  o: { readonly userId: string; readonly linkKey: string; readonly subject: string; readonly at: string },
): Promise<void> {
  await tx
    .updateTable('accounts')
    .set({ user_id: o.userId, updated_at: o.at })
    .where('provider_id', '=', accountProviderOf(o.linkKey))
    .where('account_id', '=', o.subject)
    .execute()
}

/** By what somebody can sign in at all, and what stands for them besides. */
export async function readWaysIn(
  db: Queries,
  userId: string,
): Promise<{ readonly hasPassword: boolean; readonly links: number; readonly tokens: number }> {
  const accounts = await db.selectFrom('accounts').select('password').where('user_id', '=', userId).execute()
  const { count } = await db
    .selectFrom('tokens')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  const links = accounts.filter(({ password }) => password === null).length
  return { hasPassword: links < accounts.length, links, tokens: Number(count) }
}

/** Whether the user belongs to an organization other than that one. */
export async function isMemberElsewhere(db: Queries, userId: string, organizationId: string): Promise<boolean> {
  const row = await db
    .selectFrom('members')
    .select('organization_id')
    .where('user_id', '=', userId)
    .where('organization_id', '!=', organizationId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
