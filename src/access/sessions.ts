/**
 * Sessions: what a sign-in opens for a person, by password or by a provider, as a secret that its client keeps (a browser in a cookie). A
 * session stands for its user without a cap, as the password does, and lives as long as it is used.
 */
import type { Database, Queries, Transaction } from '../db/engine/engine.ts'
import { findSessionByHash, insertSession, type SessionOwner, touchSession } from '../db/people/sessions.ts'
import type { User } from '../db/people/users.ts'
import { recordAudit } from '../db/platform/audit.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { refuseDisabled } from './disabled.ts'
import { type From, userAgentOf } from './principal.ts'
import { hashToken, isTokenText, makeTokenText } from './token-text.ts'
import { isPast } from './tokens.ts'

export const SESSION_PREFIX = 'kgm_ses_'

/** Since it was last seen. */
const LIFE_MS = 30 * 24 * 60 * 60 * 1000
/** When it was last seen is written at most this often. */
const NOTE_EVERY_MS = 60 * 1000

export interface MadeSession {
  readonly id: string
  readonly createdAt: string
  readonly expiresAt: string
  /** Shown once, and kept nowhere. */
  readonly text: Secret
}

/**
 * @param user.providerId who vouched for the user; undefined: the password was right
 * @throws AppError UNAUTHORIZED for who is disabled
 */
export function createSession(
  db: Database,
  clock: Clock,
  user: Pick<User, 'id' | 'username'> & { readonly providerId?: string },
  from: From,
): Promise<MadeSession> {
  return db.write((tx) => openSession(tx, clock, user, from))
}

/** The same in the transaction of what lets the user in. @param user.by what did, for the audit log, where it was no password */
export async function openSession(
  tx: Transaction,
  clock: Clock,
  user: Pick<User, 'id' | 'username'> & { readonly providerId?: string; readonly by?: 'link' },
  from: From,
): Promise<MadeSession> {
  const text = makeTokenText(SESSION_PREFIX)
  const now = clock.now()
  const { id: userId, providerId = null, by } = user
  const session = { id: newId(), userId, providerId, at: isoTime(now), endsAt: endFrom(now) }
  const where = { address: from.address ?? null, userAgent: userAgentOf(from) ?? null }
  const change = { organizationId: null, action: 'session.create', object: `session:${session.id}` }
  await refuseDisabled(tx, userId)
  const vouched = { ...(providerId !== null && { provider: providerId }), ...(by !== undefined && { by }) }
  await insertSession(tx, { ...session, hash: hashToken(text), ...where })
  await recordAudit(tx, { ...change, before: null, after: { username: user.username, ...where, ...vouched } })
  return { id: session.id, createdAt: session.at, expiresAt: session.endsAt, text: createSecret(text) }
}

/** The owner of a session that is valid now; undefined when it is mistyped, unknown, ended or too long unseen. */
export async function findValidSession(db: Queries, text: string, now: Date): Promise<SessionOwner | undefined> {
  if (!isTokenText(SESSION_PREFIX, text)) return undefined
  const session = await findSessionByHash(db, hashToken(text))
  return session === undefined || session.isDisabled || isPast(session.endsAt, now) ? undefined : session
}

/** Notes that the session was seen now, at most once a minute, in the background. */
export function noteSessionUse(db: Database, session: SessionOwner, now: Date, from: From): void {
  if (now.getTime() - Date.parse(session.seenAt) < NOTE_EVERY_MS) return
  const seen = { at: isoTime(now), endsAt: endFrom(now), address: from.address }
  db.later.add(`session ${session.id}`, (tx) => touchSession(tx, session.id, seen))
}

function endFrom(now: Date): string {
  return isoTime(new Date(now.getTime() + LIFE_MS))
}
