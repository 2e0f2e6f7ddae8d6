/** Bearer tokens of our token service: JWTs in the layout of Docker's registry (its `auth/jwt.md`), for at most 300 s. */
import { jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Access } from './principal.ts'
import { ALGORITHM, type SigningKey, type VerifyingKey } from './signing-key.ts'

/** `service` of the challenge, `aud` and `iss` of the tokens. */
export const SERVICE = 'kagami'

export const BEARER_LIFE_SECONDS = 300

/** A server whose clock is behind must not refuse what another has just signed. */
const NOT_BEFORE_SECONDS = 10
/** Header limits of proxies are 4 KiB and more for a line (nginx: 4 or 8 KiB). */
export const MAX_BEARER_LENGTH = 3800
const MAX_ACCEPTED_LENGTH = 16 * 1024
const REMEMBERED = 10_000
/** Characters of all of them. */
const REMEMBERED_LENGTH = 4 * 1024 * 1024

export type BearerSubject =
  | {
      readonly userId: string
      readonly username: string
      /** The personal access token that it was obtained with; when that is revoked, so is this. */
      readonly tokenId?: string | undefined
      readonly organizationTokenId?: undefined
    }
  | {
      readonly userId?: undefined
      /** Name of the organization. */
      readonly username: string
      readonly tokenId?: undefined
      /** The organization's token that it was obtained with; when that ends, so does this. */
      readonly organizationTokenId: string
    }

export interface BearerClaims {
  /** Undefined: anonymous. */
  readonly subject: BearerSubject | undefined
  readonly access: readonly Access[]
}

const accessSchema = z.object({
  type: z.enum(['repository', 'registry']),
  name: z.string(),
  actions: z.array(z.enum(['pull', 'push', 'delete', '*'])),
})

const claimsSchema = z.object({
  sub: z.string(),
  exp: z.number().int(),
  nbf: z.number().int(),
  iat: z.number().int(),
  jti: z.string().min(1),
  access: z.array(accessSchema),
  /** Ours: user id, personal access token id, or else id of an organization's token. */
  uid: z.string().min(1).optional(),
  tid: z.string().min(1).optional(),
  oid: z.string().min(1).optional(),
})

export interface VerifierOptions {
  readonly keys: readonly VerifyingKey[]
  readonly issuer: string
  readonly audience: string
  readonly clock: Clock
}

export interface BearerVerifier {
  (token: string): Promise<BearerClaims>
  /** The same of a token that was verified before; undefined: of any other, and of one that has expired. */
  recall(token: string): BearerClaims | undefined
}

/**
 * Checks signature (by a key of ours, named by `kid`), algorithm, issuer, audience and times. Only that a signature is valid
 * is remembered, never what its subject may do.
 * @returns a function that throws AppError UNAUTHORIZED with `detail.error` `invalid_token` (RFC 6750, 3.1)
 */
export function createBearerVerifier({ keys, issuer, audience, clock }: VerifierOptions): BearerVerifier {
  const valid = new LRUCache<string, z.infer<typeof claimsSchema>>({
    max: REMEMBERED,
    maxSize: REMEMBERED_LENGTH,
    sizeCalculation: (_claims, token) => token.length,
  })
  const byId = new Map(keys.map((key) => [key.keyId, key.publicKey]))

  async function verify(token: string) {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const key = kid === undefined ? undefined : byId.get(kid)
        if (key === undefined) throw new Error('no key of that id')
        return key
      },
      { algorithms: [ALGORITHM], typ: 'JWT', issuer, audience, currentDate: clock.now() },
    )
    return claimsSchema.parse(payload)
  }

  const isCurrent = ({ exp, nbf }: z.infer<typeof claimsSchema>) => {
    const nowSeconds = clock.now().getTime() / 1000
    return exp > nowSeconds && nbf <= nowSeconds
  }
  const check = async (token: string): Promise<BearerClaims> => {
    if (token.length > MAX_ACCEPTED_LENGTH) throw invalidToken('it is too long')
    // By the whole text: what found it is what was verified, and a digest of it would cost more than the lookup at each request.
    let claims = valid.get(token)
    if (claims === undefined) {
      claims = await verify(token).catch((error) => {
        throw invalidToken(isExpired(error) ? 'it has expired' : 'it was not signed here, or for something else')
      })
      valid.set(token, claims)
    }
    if (!isCurrent(claims)) throw invalidToken('it has expired')
    return { subject: subjectOf(claims), access: claims.access }
  }
  return Object.assign(check, {
    recall(token: string) {
      const claims = valid.get(token)
      if (claims === undefined || !isCurrent(claims)) return undefined
      return { subject: subjectOf(claims), access: claims.access }
    },
  })
}

function subjectOf({ sub, uid, tid, oid }: z.infer<typeof claimsSchema>): BearerSubject | undefined {
  if (sub === '') return undefined
  if (oid !== undefined) return { username: sub, organizationTokenId: oid }
  if (uid === undefined) throw invalidToken('it names no user')
  return { userId: uid, username: sub, tokenId: tid }
}

function isExpired(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_JWT_EXPIRED'
}

export function invalidToken(why: string): AppError {
  return new AppError('UNAUTHORIZED', `the bearer token is not valid: ${why}`, { detail: { error: 'invalid_token' } })
}

export interface Bearer {
  readonly token: string
  readonly issuedAt: Date
  /** What it carries: entries that would make it longer than MAX_BEARER_LENGTH are left out, from the end. */
  readonly access: readonly Access[]
}

export type BearerSigner = (claims: BearerClaims) => Promise<Bearer>

export function createBearerSigner(key: SigningKey, clock: Clock): BearerSigner {
  async function sign({ subject, access }: BearerClaims, issuedAt: Date): Promise<string> {
    const seconds = Math.floor(issuedAt.getTime() / 1000)
    const { userId: uid, tokenId: tid, organizationTokenId: oid } = subject ?? {}
    return new SignJWT({ access, uid, tid, oid })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: key.keyId })
      .setIssuer(SERVICE)
      .setAudience(SERVICE)
      .setSubject(subject?.username ?? '')
      .setIssuedAt(seconds)
      .setNotBefore(seconds - NOT_BEFORE_SECONDS)
      .setExpirationTime(seconds + BEARER_LIFE_SECONDS)
      .setJti(newId())
      .sign(key.privateKey)
  }
  return async (claims) => {
    const issuedAt = clock.now()
    let access = claims.access
    let token = await sign(claims, issuedAt)
    while (token.length > MAX_BEARER_LENGTH && access.length > 0) {
      access = access.slice(0, Math.floor((access.length * MAX_BEARER_LENGTH) / token.length))
      token = await sign({ ...claims, access }, issuedAt)
    }
    return { token, issuedAt, access }
  }
}
