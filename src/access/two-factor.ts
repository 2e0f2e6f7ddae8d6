/**
 * The second factor: codes of an authenticator (RFC 6238, by the library `otpauth`) and recovery codes. Each code is used up by the
 * statement that accepts it, so it serves once, whichever server is asked (decision record 38).
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Secret as OtpSecret, TOTP } from 'otpauth'
import type { Database } from '../db/engine/engine.ts'
import { endPasswordLogins } from '../db/people/sessions.ts'
import {
  beginTwoFactor,
  confirmTwoFactor,
  countRecoveryCodes,
  findTwoFactor,
  removeTwoFactor,
  setRecoveryCodes,
  useRecoveryCode,
  useStep,
} from '../db/people/two-factor.ts'
import type { User } from '../db/people/users.ts'
import { recordAudit } from '../db/platform/audit.ts'
import type { TwoFactorRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { lazily } from '../lib/lazily.ts'
import type { Sealer } from '../lib/seal.ts'
import { createSecret, type Secret } from '../lib/secret.ts'

const otp = lazily(() => require('otpauth') as typeof import('otpauth'))

/** As every authenticator takes them. */
const CODES = { algorithm: 'SHA1', digits: 6, period: 30 } as const
/** Steps before and after the clock's that are taken too: phones and servers do not agree to the second. */
const WINDOW = 1
const SECRET_BYTES = 20

const RECOVERY_CODES = 10
/** 50 bits each. Without letters that are read as others. */
const RECOVERY_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const RECOVERY_LENGTH = 10

export interface TwoFactorState {
  /** Since when it is asked for; null: it is not. */
  readonly enabledAt: string | null
  readonly recoveryCodesLeft: number
}

export interface TwoFactor {
  show(userId: string): Promise<TwoFactorState>
  /** Whether a password alone is not enough. */
  isOn(userId: string): Promise<boolean>
  /**
   * Makes a secret, shown here once; nothing is asked for before it is confirmed.
   * @param o.issuer what authenticators call this server
   * @throws AppError CONFLICT when there is a second factor already
   */
  begin(
    userId: string,
    o: { readonly issuer: string; readonly username: string },
  ): Promise<{ secret: Secret; url: Secret }>
  /**
   * Turns it on when the code is of the secret that was begun, and ends what the password alone has opened, but for the session `besides`.
   * @returns the recovery codes, shown here once; undefined: the code is wrong
   * @throws AppError CONFLICT when nothing was begun
   */
  confirm(userId: string, code: string, besides: string | undefined): Promise<readonly string[] | undefined>
  /** Uses the code up, of the authenticator or for recovery. @returns false when it is wrong or was used */
  use(userId: string, code: string): Promise<boolean>
  /** New recovery codes; those of before are none any more. */
  renewRecoveryCodes(user: Pick<User, 'id' | 'username'>): Promise<readonly string[]>
  /** Turns it off. */
  end(userId: string): Promise<void>
}

export interface TwoFactorDeps {
  readonly db: Database
  readonly clock: Clock
  readonly sealer: Sealer
}

export function createTwoFactor({ db, clock, sealer }: TwoFactorDeps): TwoFactor {
  // Recovery codes are short: without this key, which is not in the database, their hashes cannot be guessed back.
  const recoveryKey = sealer.derive('recovery codes').reveal()
  const purposeOf = (userId: string) => `two-factor secret of ${userId}`
  const hashOf = (userId: string, code: string) =>
    createHmac('sha256', recoveryKey).update(`${userId}\0${code}`).digest('base64url')

  function totpOf(secret: OtpSecret): TOTP {
    return new (otp().TOTP)({ ...CODES, secret })
  }

  /** The step whose code it is, near the clock's; undefined: none. */
  function stepOf({ user_id, secret }: TwoFactorRow, code: string): number | undefined {
    const totp = totpOf(otp().Secret.fromBase32(sealer.unseal(secret, purposeOf(user_id)).reveal()))
    const timestamp = clock.now().getTime()
    const delta = totp.validate({ token: code, timestamp, window: WINDOW })
    return delta === null ? undefined : totp.counter({ timestamp }) + delta
  }

  function makeRecoveryCodes(userId: string): { readonly codes: string[]; readonly hashes: string[] } {
    const codes = Array.from({ length: RECOVERY_CODES }, makeRecoveryCode)
    return { codes, hashes: codes.map((code) => hashOf(userId, plain(code))) }
  }

  const twoFactor: TwoFactor = {
    async show(userId) {
      const row = await findTwoFactor(db.read, userId)
      return { enabledAt: row?.confirmed_at ?? null, recoveryCodesLeft: await countRecoveryCodes(db.read, userId) }
    },

    isOn: async (userId) => (await findTwoFactor(db.read, userId))?.confirmed_at != null,

    async begin(userId, { issuer, username }) {
      const made = new (otp().Secret)({ size: SECRET_BYTES })
      const secret = sealer.seal(createSecret(made.base32), purposeOf(userId))
      const row = { user_id: userId, secret, created_at: isoTime(clock.now()) }
      if (!(await db.write((tx) => beginTwoFactor(tx, row)))) throw isOnAlready()
      const url = new (otp().TOTP)({ ...CODES, secret: made, issuer, label: username }).toString()
      return { secret: createSecret(made.base32), url: createSecret(url) }
    },

    async confirm(userId, code, besides) {
      const row = await findTwoFactor(db.read, userId)
      if (row === undefined)
        throw new AppError('CONFLICT', 'two-factor authentication was not begun: begin it first', {
          about: { reason: 'off', what: 'two-factor' },
        })
      if (row.confirmed_at !== null) throw isOnAlready()
      const step = stepOf(row, plain(code))
      if (step === undefined) return undefined
      const { codes, hashes } = makeRecoveryCodes(userId)
      const isConfirmed = await db.write(async (tx) => {
        const confirmed = { userId, secret: row.secret, step, at: isoTime(clock.now()) }
        if (!(await confirmTwoFactor(tx, confirmed))) return false
        await setRecoveryCodes(tx, userId, hashes)
        await endPasswordLogins(tx, userId, besides)
        return true
      })
      return isConfirmed ? codes : undefined
    },

    async use(userId, given) {
      const code = plain(given)
      const row = await findTwoFactor(db.read, userId)
      if (row === undefined || row.confirmed_at === null) return false
      if (code.length === RECOVERY_LENGTH) return db.write((tx) => useRecoveryCode(tx, userId, hashOf(userId, code)))
      const step = stepOf(row, code)
      return step !== undefined && db.write((tx) => useStep(tx, { userId, secret: row.secret, step }))
    },

    async renewRecoveryCodes({ id: userId, username }) {
      const { codes, hashes } = makeRecoveryCodes(userId)
      const change = { organizationId: null, action: 'two-factor.renew', object: `user:${username}` }
      await db.write(async (tx) => {
        await setRecoveryCodes(tx, userId, hashes)
        await recordAudit(tx, { ...change, before: null, after: { recoveryCodes: 'changed' } })
      })
      return codes
    },

    async end(userId) {
      await db.write((tx) => removeTwoFactor(tx, userId))
    },
  }
  return twoFactor
}

/** `xxxxx-xxxxx`. */
function makeRecoveryCode(): string {
  const letters = [...randomBytes(RECOVERY_LENGTH)].map((byte) => RECOVERY_ALPHABET.charAt(byte & 31)).join('')
  return `${letters.slice(0, RECOVERY_LENGTH / 2)}-${letters.slice(RECOVERY_LENGTH / 2)}`
}

/** A code as it is compared: people type blanks, dashes and capitals. */
function plain(code: string): string {
  return code.replace(/[\s-]/g, '').toLowerCase()
}

function isOnAlready(): AppError {
  return new AppError('CONFLICT', 'two-factor authentication is on already: turn it off to begin anew', {
    about: { reason: 'on-already', what: 'two-factor' },
  })
}
