/** JWTs that issuers have signed: by a key of the issuer's own set, by an algorithm with a public key, within their times. */
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { JOSEError, JWKSNoMatchingKey, JWTClaimValidationFailed, JWTExpired } from 'jose/errors'
import { AppError, isAppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { quoted } from '../../lib/quoted.ts'
import type { Issuer, Issuers } from './issuers.ts'

/** Never `none`, and none with a shared secret: a public key must not be taken for one. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

const MAX_LENGTH = 16 * 1024
/** Clocks differ. */
const TOLERANCE_SECONDS = 60
/** One that lives longer is no token of a job, and its use would have to be remembered as long. */
const MAX_LIFE_SECONDS = 24 * 60 * 60

export interface UnverifiedJwt {
  readonly issuer: string
  readonly claims: JWTPayload
}

/** What it says of itself, nothing of it proven. @throws AppError INVALID_REQUEST in plain words */
export function readUnverified(text: string): UnverifiedJwt {
  if (text.length > MAX_LENGTH) throw refused(`it has ${text.length} characters, want at most ${MAX_LENGTH}`)
  try {
    const claims = decodeJwt(text)
    decodeProtectedHeader(text)
    const { iss } = claims
    if (typeof iss === 'string' && iss.length <= 2048 && !/\p{Cc}/u.test(iss)) return { issuer: iss, claims }
  } catch {
    throw refused('it is not a JWT')
  }
  throw refused('it names no issuer')
}

export interface VerifiedJwt {
  readonly claims: JWTPayload
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/**
 * @throws AppError INVALID_REQUEST in plain words; what `Issuers` throws when the issuer cannot be asked
 */
export async function verifyJwt(
  { issuers, clock }: { readonly issuers: Issuers; readonly clock: Clock },
  text: string,
  issuer: Issuer,
): Promise<VerifiedJwt> {
  const now = clock.now()
  try {
    const { payload } = await jwtVerify(text, issuers.keyOf(issuer), {
      issuer: issuer.url,
      algorithms: ALGORITHMS,
      clockTolerance: TOLERANCE_SECONDS,
      currentDate: now,
      requiredClaims: ['exp'],
    })
    const { exp = 0, iat } = payload
    const seconds = Math.floor(now.getTime() / 1000)
    if (exp - seconds > MAX_LIFE_SECONDS) throw refused(`it lives for more than ${MAX_LIFE_SECONDS / 3600} hours`)
    if (iat !== undefined && iat > seconds + TOLERANCE_SECONDS) throw refused('it was issued in the future')
    return { claims: payload, expiresAt: exp }
  } catch (error) {
    if (isAppError(error)) throw error
    throw refused(explain(error, text))
  }
}

function explain(error: unknown, text: string): string {
  if (error instanceof JWTExpired) return 'it has expired'
  if (error instanceof JWKSNoMatchingKey) return "its key is not in its issuer's key set"
  if (error instanceof JWTClaimValidationFailed) {
    if (error.claim === 'nbf') return 'it is not valid yet'
    return `its claim ${error.claim} is not right`
  }
  if (error instanceof JOSEError && error.code === 'ERR_JOSE_ALG_NOT_ALLOWED') {
    return `its algorithm ${quoted(String(decodeProtectedHeader(text).alg), 40)} is not taken`
  }
  if (error instanceof JOSEError) return 'its signature is not that of its issuer'
  return 'it cannot be verified'
}

function refused(why: string): AppError {
  return new AppError('INVALID_REQUEST', why)
}
