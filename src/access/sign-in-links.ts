/**
 * Links that open a page signed in: made where the data is, by whoever could set a new password there too (decision record 45). A link
 * serves once, within minutes; its secret is behind `#`, and comes in the body of a request of our own page.
 */
import type { Database } from '../db/engine/engine.ts'
import { insertSignInLink, takeSignInLink } from '../db/people/sign-in-links.ts'
import type { User } from '../db/people/users.ts'
import { recordAudit } from '../db/platform/audit.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { actingAs } from '../lib/request-context.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { refuseOnlyByProvider } from './identity/only-provider.ts'
import type { From } from './principal.ts'
import { type MadeSession, openSession } from './sessions.ts'
import { hashToken, isTokenText, makeTokenText } from './token-text.ts'

const PREFIX = 'kgm_lnk_'
const LIFE_MS = 15 * 60 * 1000

export interface SignInLink {
  /** What the link ends with; shown once, and kept nowhere. */
  readonly secret: Secret
  readonly expiresAt: string
}

/** The address that a browser opens. @param url as clients reach the server, without a path */
export function signInUrl(url: string, { secret }: SignInLink): string {
  return `${url}/enter#${secret.reveal()}`
}

export async function createSignInLink(
  db: Database,
  clock: Clock,
  user: Pick<User, 'id' | 'username'>,
): Promise<SignInLink> {
  const secret = makeTokenText(PREFIX)
  const now = clock.now()
  const expiresAt = isoTime(new Date(now.getTime() + LIFE_MS))
  const row = { hash: hashToken(secret), user_id: user.id, created_at: isoTime(now), ends_at: expiresAt }
  const change = { organizationId: null, action: 'sign-in-link.create', object: `user:${user.username}` }
  await db.write(async (tx) => {
    await insertSignInLink(tx, row)
    await recordAudit(tx, { ...change, before: null, after: { expiresAt } })
  })
  return { secret: createSecret(secret), expiresAt }
}

/**
 * The session of whom the link is for. Link and session are one transaction: whatever ends the process, one of them is there.
 * @throws AppError NOT_FOUND, in the same words whatever is wrong with it; UNAUTHORIZED for who is to sign in by a provider
 */
export async function enterBySignInLink(
  db: Database,
  clock: Clock,
  text: string,
  from: From,
): Promise<{ readonly username: string; readonly session: MadeSession }> {
  // What is none costs no transaction.
  if (!isTokenText(PREFIX, text)) throw notValid()
  return db.write(async (tx) => {
    const user = await takeSignInLink(tx, hashToken(text), isoTime(clock.now()))
    if (user === undefined) throw notValid()
    await refuseOnlyByProvider(tx, user.id, undefined)
    const { id, username } = user
    const open = () => openSession(tx, clock, { id, username, by: 'link' }, from)
    return { username, session: await actingAs(`user:${username}`, open) }
  })
}

function notValid(): AppError {
  return new AppError(
    'NOT_FOUND',
    'this link is not valid: it is mistyped, used, or older than 15 minutes; kagami user link, where the server runs, prints a new one',
    { about: { reason: 'expired', what: 'link' } },
  )
}
