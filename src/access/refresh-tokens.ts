/**
 * Refresh tokens: opaque, for one user and one service, hashed at rest, revocable. They open the token service alone: `/v2`
 * never accepts one. They end with the personal access token, or the password, that they were obtained with.
 */
import type { Database } from '../db/engine/engine.ts'
import { extendRefreshToken, findRefreshTokenByHash, insertRefreshToken } from '../db/people/refresh-tokens.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { refuseOnlyByProvider } from './identity/only-provider.ts'
import { type From, type UserPrincipal, userAgentOf } from './principal.ts'
import { refusedOf } from './refused-subject.ts'
import { hashToken, isTokenText, makeTokenText } from './token-text.ts'
import { isPast } from './tokens.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Since the last use. Docker keeps one for as long as it works and never asks for another. */
const LIFE_DAYS = 90
/** A use is written at most this often: a pull asks for several bearer tokens. */
const NOTE_EVERY_MS = 60 * 60 * 1000

export async function createRefreshToken(
  db: Database,
  clock: Clock,
  of: { readonly principal: UserPrincipal; readonly service: string; readonly from?: From | undefined },
): Promise<string> {
  const text = makeTokenText('kgm_ref_')
  const now = clock.now()
  await db.write((tx) =>
    insertRefreshToken(tx, {
      id: newId(),
      hash: hashToken(text),
      user_id: of.principal.userId,
      token_id: of.principal.token?.id ?? null,
      service: of.service,
      created_at: isoTime(now),
      expires_at: expiryFrom(now),
      address: of.from?.address ?? null,
      user_agent: userAgentOf(of.from) ?? null,
      last_used_at: null,
    }),
  )
  return text
}

/** Whom a refresh token stands for; its life starts anew, which is written at most once an hour and not waited for. @throws AppError UNAUTHORIZED */
export async function useRefreshToken(
  db: Database,
  clock: Clock,
  text: string,
  service: string,
): Promise<UserPrincipal> {
  const now = clock.now()
  const found = isTokenText('kgm_ref_', text) ? await findRefreshTokenByHash(db.read, hashToken(text)) : undefined
  if (
    found === undefined ||
    found.service !== service ||
    isPast(found.expiresAt, now) ||
    isPast(found.tokenExpiresAt, now)
  ) {
    const error = new AppError(
      'UNAUTHORIZED',
      'the refresh token is not valid: it is unknown, revoked or expired; log in again',
    )
    throw refusedOf(
      error,
      found && { userId: found.userId, username: found.username, tokenId: found.tokenId ?? undefined, isProven: true },
    )
  }
  const { id, userId, username, isOperator, tokenId, tokenScope } = found
  if (tokenId === null) await refuseOnlyByProvider(db.read, userId)
  if (Date.parse(found.expiresAt) < now.getTime() + LIFE_DAYS * DAY_MS - NOTE_EVERY_MS || found.lastUsedAt === null) {
    const use = { expiresAt: expiryFrom(now), lastUsedAt: isoTime(now) }
    db.later.add(`refresh token ${id}`, (tx) => extendRefreshToken(tx, id, use))
  }
  const token = tokenId === null || tokenScope === null ? undefined : { id: tokenId, scope: tokenScope }
  return { kind: 'user', userId, username, isOperator, token }
}

function expiryFrom(now: Date): string {
  return isoTime(new Date(now.getTime() + LIFE_DAYS * DAY_MS))
}
