/** Sign-ins: sessions, and the refresh tokens that `docker login` got by a password. Personal access tokens are none of them. */
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'

/** Whoever signs in anew each time leaves the oldest behind. */
const MAX_SESSIONS = 100

export interface NewSession {
  readonly id: string
  readonly userId: string
  /** Who vouched for the user; null: opened by a password. */
  readonly providerId: string | null
  readonly hash: string
  readonly at: string
  readonly endsAt: string
  readonly address: string | null
  readonly userAgent: string | null
}

/** Adds the row; the user's expired and longest unseen ones beyond MAX_SESSIONS go. */
export async function insertSession(tx: Transaction, session: NewSession): Promise<void> {
  await tx
    .deleteFrom('sessions')
    .where('user_id', '=', session.userId)
    .where((eb) =>
      eb.or([
        eb('expires_at', '<=', session.at),
        eb(
          'id',
          'in',
          eb
            .selectFrom('sessions')
            .select('id')
            .where('user_id', '=', session.userId)
            .orderBy('updated_at', 'desc')
            .orderBy('id')
            .limit(MAX_SESSIONS)
            .offset(MAX_SESSIONS - 1),
        ),
      ]),
    )
    .execute()
  await tx
    .insertInto('sessions')
    .values({
      id: session.id,
      user_id: session.userId,
      provider_id: session.providerId,
      token: session.hash,
      expires_at: session.endsAt,
      ip_address: session.address,
      user_agent: session.userAgent,
      created_at: session.at,
      updated_at: session.at,
    })
    .execute()
}

export interface SessionOwner {
  readonly id: string
  readonly endsAt: string
  readonly seenAt: string
  readonly userId: string
  readonly username: string
  readonly isOperator: boolean
  readonly isDisabled: boolean
  /** Null: opened by a password. */
  readonly providerId: string | null
}

const readSessionByHash = prepareQuery((db, value: Value<Record<'hash', string>>) =>
  db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select([
      'sessions.id',
      'sessions.expires_at',
      'sessions.updated_at',
      'sessions.provider_id',
      'users.id as userId',
      'users.is_operator',
      'users.disabled_at',
    ])
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
    .where('sessions.token', '=', value('hash')),
)

export async function findSessionByHash(db: Queries, hash: string): Promise<SessionOwner | undefined> {
  const [row] = await readSessionByHash(db, { hash })
  if (row === undefined) return undefined
  const { id, userId, username, provider_id: providerId } = row
  const [endsAt, seenAt] = [isoOf(row.expires_at), isoOf(row.updated_at)]
  const [isOperator, isDisabled] = [row.is_operator === 1, row.disabled_at !== null]
  return { id, userId, username, isOperator, isDisabled, providerId, endsAt, seenAt }
}

/** It was used: now, from there, and so lives on. */
export async function touchSession(
  tx: Transaction,
  id: string,
  o: { readonly at: string; readonly endsAt: string; readonly address: string | undefined },
): Promise<void> {
  await tx
    .updateTable('sessions')
    .set({
      updated_at: o.at,
      expires_at: o.endsAt,
      ...(o.address === undefined ? {} : { ip_address: o.address }),
    })
    .where('id', '=', id)
    .execute()
}

/** One place where somebody is signed in. `registry`: what a client of the registry keeps, as `docker login` does. */
export interface SignIn {
  readonly id: string
  readonly kind: 'session' | 'registry'
  readonly createdAt: string
  readonly seenAt: string | null
  readonly address: string | null
  readonly userAgent: string | null
}

/** All that is valid at `at`, by id: at most MAX_SESSIONS and MAX_REFRESH_TOKENS. */
export async function listSignIns(db: Queries, userId: string, at: string): Promise<SignIn[]> {
  const sessions = await db
    .selectFrom('sessions')
    .select(['id', 'ip_address', 'user_agent', 'created_at', 'updated_at'])
    .where('user_id', '=', userId)
    .where('expires_at', '>', at)
    .execute()
  const registry = await db
    .selectFrom('refresh_tokens')
    .select(['id', 'address', 'user_agent as userAgent', 'created_at as createdAt', 'last_used_at as seenAt'])
    .where('user_id', '=', userId)
    .where('token_id', 'is', null)
    .where('expires_at', '>', at)
    .execute()
  const all: SignIn[] = [
    ...sessions.map((row) => ({
      id: row.id,
      kind: 'session' as const,
      createdAt: isoOf(row.created_at),
      seenAt: isoOf(row.updated_at),
      address: row.ip_address,
      userAgent: row.user_agent,
    })),
    ...registry.map((row) => ({ ...row, kind: 'registry' as const })),
  ]
  return all.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** @returns false when the user is not signed in by that id */
export async function endSignIn(tx: Transaction, userId: string, id: string): Promise<boolean> {
  const session = await tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const registry = await tx
    .deleteFrom('refresh_tokens')
    .where('user_id', '=', userId)
    .where('token_id', 'is', null)
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return session.numDeletedRows + registry.numDeletedRows > 0n
}

/**
 * Ends what sign-ins opened: sessions, whoever vouched for them, the refresh tokens obtained with the password, devices that were let in and have no token yet, and links that nobody has opened. Personal access tokens stay.
 * @param besides a session that stays: the one in which somebody asks for this
 * @returns how many
 */
export async function endPasswordLogins(tx: Transaction, userId: string, besides?: string): Promise<number> {
  const sessions = await tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', '!=', besides ?? '')
    .executeTakeFirstOrThrow()
  const registry = await tx
    .deleteFrom('refresh_tokens')
    .where('user_id', '=', userId)
    .where('token_id', 'is', null)
    .executeTakeFirstOrThrow()
  // Let in, and not yet come for their token; and printed, and not yet opened.
  await tx.deleteFrom('sign_in_links').where('user_id', '=', userId).execute()
  await tx.deleteFrom('device_authorizations').where('user_id', '=', userId).execute()
  return Number(sessions.numDeletedRows + registry.numDeletedRows)
}

function isoOf(time: string | Date): string {
  return new Date(time).toISOString()
}
