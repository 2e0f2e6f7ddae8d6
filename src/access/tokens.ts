/** Personal access tokens: made, listed and revoked by their owner; a token stands for its owner, capped by its scope. */
import type { Database, Queries, Transaction } from '../db/engine/engine.ts'
import { findTokenByHash, insertToken, type TokenOwner, touchToken } from '../db/people/tokens.ts'
import { recordAudit } from '../db/platform/audit.ts'
import type { TokenRow, TokenScope } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { refuseDisabled } from './disabled.ts'
import { hashToken, isTokenText, makeTokenText } from './token-text.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Last use is written at most this often. */
export const TOUCH_EVERY_MS = 60 * 1000
export const MAX_LABEL_LENGTH = 100
const MAX_LIFE_DAYS = 9999

export interface NewToken {
  readonly userId: string
  /** What its owner calls it: 1 to 100 characters. */
  readonly label: string
  readonly scope: TokenScope
  /** `90d`, or `never`. */
  readonly expires: string
}

/** @throws AppError INVALID_REQUEST @returns ISO 8601, or null for `never` */
export function parseTokenExpiry(text: string, now: Date): string | null {
  if (text === 'never') return null
  const days = Number(/^([1-9]\d{0,3})d$/.exec(text)?.[1])
  if (Number.isNaN(days)) {
    throw new AppError(
      'INVALID_REQUEST',
      `expires: want a number of days (1d to ${MAX_LIFE_DAYS}d) or never, got ${JSON.stringify(text.slice(0, 40))}`,
      { about: { reason: 'invalid', where: 'expires' } },
    )
  }
  return isoTime(new Date(now.getTime() + days * DAY_MS))
}

/** Makes a token; its text is returned here once and kept nowhere. @throws AppError INVALID_REQUEST, UNAUTHORIZED */
export async function createToken(
  db: Database,
  clock: Clock,
  token: NewToken,
): Promise<{ readonly row: TokenRow; readonly text: Secret }> {
  const now = clock.now()
  const label = token.label.trim()
  if (label === '' || label.length > MAX_LABEL_LENGTH) {
    throw new AppError('INVALID_REQUEST', `label: want 1 to ${MAX_LABEL_LENGTH} characters, got ${label.length}`, {
      about: { reason: 'invalid', where: 'label', least: 1, most: MAX_LABEL_LENGTH },
    })
  }
  const text = makeTokenText('kgm_pat_')
  const row: TokenRow = {
    id: newId(),
    user_id: token.userId,
    label,
    scope: token.scope,
    hash: hashToken(text),
    created_at: isoTime(now),
    expires_at: parseTokenExpiry(token.expires, now),
    last_used_at: null,
  }
  await db.write((tx) => insertToldToken(tx, row))
  return { row, text: createSecret(text) }
}

/** And the audit log tells of it. @throws AppError UNAUTHORIZED when the owner is disabled */
export async function insertToldToken(tx: Transaction, row: TokenRow): Promise<void> {
  await refuseDisabled(tx, row.user_id)
  await insertToken(tx, row)
  const after = { label: row.label, scope: row.scope, expiresAt: row.expires_at }
  const change = { organizationId: null, action: 'token.create', object: `token:${row.id}` }
  await recordAudit(tx, { ...change, before: null, after })
}

/** The owner of a token that is valid now; undefined when it is mistyped, unknown, revoked or expired, or its owner is disabled. */
export async function findValidToken(db: Queries, text: string, now: Date): Promise<TokenOwner | undefined> {
  if (!isTokenText('kgm_pat_', text)) return undefined
  const token = await findTokenByHash(db, hashToken(text))
  return token === undefined || token.isDisabled || isPast(token.expiresAt, now) ? undefined : token
}

/** Notes that the token was used now, at most once a minute, in the background: a pull waits for no writer. */
export function noteTokenUse(db: Database, token: TokenOwner, now: Date): void {
  if (token.lastUsedAt !== null && now.getTime() - Date.parse(token.lastUsedAt) < TOUCH_EVERY_MS) return
  db.later.add(`token ${token.id}`, (tx) => touchToken(tx, token.id, isoTime(now)))
}

export function isPast(at: string | null, now: Date): boolean {
  return at !== null && at <= isoTime(now)
}
