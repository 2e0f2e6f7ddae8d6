/** From credentials to who is asking. Bad credentials are UNAUTHORIZED, never anonymous. */
import type { Database } from '../db/engine/engine.ts'
import {
  type FoundOrganizationToken,
  findOrganizationTokenByHash,
  findOrganizationTokenById,
} from '../db/people/organization-tokens.ts'
import { readSubjectFacts } from '../db/people/rights.ts'
import { findSessionByHash } from '../db/people/sessions.ts'
import { findTokenByHash, type TokenOwner } from '../db/people/tokens.ts'
import { findUserById, isDisabled } from '../db/people/users.ts'
import { AppError, isAppError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { PASSWORD_LENGTH } from '../oci/account-names.ts'
import { type BearerClaims, type BearerVerifier, invalidToken } from './bearer.ts'
import { parseAuthorization } from './credentials.ts'
import { disabled } from './disabled.ts'
import { refuseOnlyByProvider } from './identity/only-provider.ts'
import { networkOf } from './login-limit.ts'
import { findValidOrganizationToken, noteOrganizationTokenUse } from './organization-tokens.ts'
import type { PasswordCheck } from './password-check.ts'
import {
  ANONYMOUS,
  type Authenticated,
  type Claimed,
  type From,
  type TokenPrincipal,
  type UserPrincipal,
} from './principal.ts'
import { type RefusedSubject, refusedOf } from './refused-subject.ts'
import { findValidSession, noteSessionUse, SESSION_PREFIX } from './sessions.ts'
import { hashToken, isTokenText } from './token-text.ts'
import { findValidToken, isPast, noteTokenUse } from './tokens.ts'
import type { TwoFactor } from './two-factor.ts'

export interface RequestAuthenticator {
  /**
   * @param header value of `Authorization`, null when absent
   * @throws AppError UNAUTHORIZED (`detail.error` is `invalid_token` for a bad bearer token), TOOMANYREQUESTS with
   * `detail.retryAfterSeconds`
   */
  authenticate(header: string | null, from?: From): Promise<Authenticated>
  /**
   * Whom the header names, where that takes no question: a bearer token that was verified before, or no header at all. Nothing of it holds
   * before the database was asked for its rights, as of any bearer token. Undefined: only `authenticate` knows. Never throws for a header.
   */
  recall(header: string | null): Claimed | undefined
  /**
   * A name and a password or personal access token; an organization's name and a token of it. @throws as `authenticate`; UNAUTHORIZED with
   * `detail.error` `two_factor_required` for the right password of who has a second factor
   */
  login(username: string, password: string, from?: From): Promise<UserPrincipal | TokenPrincipal>
  /** The same of a password alone, whether or not there is a second factor. */
  byPassword(username: string, password: string, from?: From): Promise<UserPrincipal>
  /** Who is behind the session whose secret a browser's cookie holds; undefined: nobody any more. */
  bySession(text: string, from?: From): Promise<UserPrincipal | undefined>
}

export type Person = Pick<UserPrincipal, 'userId' | 'username'>

export interface AuthenticatorDeps {
  readonly db: Database
  readonly checkPassword: PasswordCheck
  readonly twoFactor: Pick<TwoFactor, 'isOn'>
  readonly verifyBearer: BearerVerifier
  readonly clock: Clock
}

const PAT = 'kgm_pat_'
const OAT = 'kgm_oat_'

export function createAuthenticator(deps: AuthenticatorDeps): RequestAuthenticator {
  const { db, checkPassword, twoFactor, verifyBearer, clock } = deps

  async function useToken(text: string, username?: string): Promise<UserPrincipal | undefined> {
    const token = await findValidToken(db.read, text, clock.now())
    if (token === undefined || (username !== undefined && !isNamed(token, username))) return undefined
    noteTokenUse(db, token, clock.now())
    const { id, scope, userId, isOperator } = token
    return { kind: 'user', userId, username: token.username, isOperator, token: { id, scope } }
  }

  async function useOrganizationToken(text: string, organization?: string): Promise<TokenPrincipal | undefined> {
    const token = await findValidOrganizationToken(db.read, text, clock.now())
    if (token === undefined || (organization ?? token.organization.name) !== token.organization.name) return undefined
    noteOrganizationTokenUse(db, token, clock.now())
    return tokenPrincipal(token)
  }

  /** Whose name was given with what is not theirs. Looked up for nobody too: the time that it takes tells no name. */
  async function named(userId: string | undefined): Promise<RefusedSubject | undefined> {
    const user = await findUserById(db.read, userId ?? '')
    return user && { userId: user.id, username: user.username, isProven: false }
  }

  /** Whose token it was that is valid no more, or that came with another's name. */
  async function ownerOf(text: string): Promise<RefusedSubject | undefined> {
    const token = isTokenText(PAT, text) ? await findTokenByHash(db.read, hashToken(text)) : undefined
    return token && { userId: token.userId, username: token.username, tokenId: token.id, isProven: true }
  }

  /** The same of an organization's token. */
  async function tokenOf(text: string): Promise<RefusedSubject | undefined> {
    const token = isTokenText(OAT, text) ? await findOrganizationTokenByHash(db.read, hashToken(text)) : undefined
    return token && refusedToken(token)
  }

  /** Whose session it was that was not seen for too long. */
  async function pastOwnerOf(text: string): Promise<RefusedSubject | undefined> {
    const session = isTokenText(SESSION_PREFIX, text) ? await findSessionByHash(db.read, hashToken(text)) : undefined
    return session && provenOf(session)
  }

  /** Of people who are to sign in by a provider. @param providerId which one vouched; undefined: their password was right */
  function refuseOtherWays(who: Person, providerId?: string): Promise<void> {
    return refuseOnlyByProvider(db.read, who.userId, providerId).catch((error) => {
      throw isAppError(error) ? refusedOf(error, provenOf(who)) : error
    })
  }

  async function login(username: string, password: string, from: From = {}): Promise<UserPrincipal | TokenPrincipal> {
    // PostgreSQL's text cannot hold it, and no name does.
    if (username.includes('\0')) throw wrongLogin()
    if (password.startsWith(OAT)) {
      const byToken = await useOrganizationToken(password, username.toLowerCase())
      if (byToken === undefined) throw refusedOf(wrongPair(), await tokenOf(password))
      return byToken
    }
    // A token cannot be guessed: a right one is let in however many wrong passwords came before, and a wrong one is no guess.
    if (password.startsWith(PAT)) {
      const byToken = await useToken(password, username)
      if (byToken === undefined) throw refusedOf(wrongLogin(), await ownerOf(password))
      return byToken
    }
    const principal = await byPassword(username, password, from)
    if (await twoFactor.isOn(principal.userId)) throw refusedOf(passwordAlone(), provenOf(principal))
    return principal
  }

  async function byPassword(username: string, password: string, from: From = {}): Promise<UserPrincipal> {
    // No password is so long; it costs no hash, so it need not be counted.
    if (username.includes('\0') || password.length > PASSWORD_LENGTH.max) throw wrongLogin()
    const network = networkOf(from.address)
    const { userId, user, refused } = await checkPassword({ login: username, password, network })
    if (user === undefined) throw refusedOf(refused ?? wrongLogin(), await named(userId))
    // After the password was right: before that nobody learns who belongs to whom, or is there at all.
    if (await isDisabled(db.read, user.id))
      throw refusedOf(disabled(), provenOf({ userId: user.id, username: user.username }))
    await refuseOtherWays({ userId: user.id, username: user.username })
    return { kind: 'user', userId: user.id, username: user.username, isOperator: user.isOperator }
  }

  async function useSession(text: string, from: From): Promise<UserPrincipal> {
    const session = await findValidSession(db.read, text, clock.now())
    if (session === undefined) {
      throw refusedOf(invalidToken('the session is unknown or has ended'), await pastOwnerOf(text))
    }
    const { id, userId, username, isOperator, providerId } = session
    // What a password, or a provider, has opened serves as long as that would.
    await refuseOtherWays({ userId, username }, providerId ?? undefined)
    noteSessionUse(db, session, clock.now(), from)
    return { kind: 'user', userId, username, isOperator, session: { id } }
  }

  async function bearer(text: string, from: From): Promise<Authenticated> {
    if (text.startsWith(PAT)) {
      const principal = await useToken(text)
      if (principal === undefined) {
        throw refusedOf(invalidToken('it is unknown, revoked or expired'), await ownerOf(text))
      }
      return { principal }
    }
    if (text.startsWith(SESSION_PREFIX)) return { principal: await useSession(text, from) }
    if (text.startsWith(OAT)) {
      const principal = await useOrganizationToken(text)
      if (principal === undefined) {
        throw refusedOf(invalidToken('it is unknown, revoked, deactivated or expired'), await tokenOf(text))
      }
      return { principal }
    }
    const { subject, access } = await verifyBearer(text)
    if (subject === undefined) return { principal: ANONYMOUS.principal, access }
    if (subject.organizationTokenId !== undefined) {
      const token = await findOrganizationTokenById(db.read, subject.organizationTokenId)
      if (token === undefined || token.is_active === 0 || isPast(token.expires_at, clock.now())) {
        const subject = token && refusedToken(token)
        throw refusedOf(invalidToken('the token that it was obtained with is revoked, deactivated or expired'), subject)
      }
      noteOrganizationTokenUse(db, token, clock.now())
      return { principal: tokenPrincipal(token), access }
    }
    const facts = await readSubjectFacts(db.read, subject)
    const { userId, username, tokenId } = subject
    if (!facts.userExists) throw invalidToken('its user is gone')
    const user = { kind: 'user', userId, username, isOperator: facts.isOperator } as const
    if (tokenId === undefined) return { principal: user, access }
    if (facts.token === undefined || isPast(facts.token.expiresAt, clock.now())) {
      const subject = { userId, username, tokenId, isProven: true }
      throw refusedOf(invalidToken('the token that it was obtained with is revoked or expired'), subject)
    }
    return { principal: { ...user, token: { id: tokenId, scope: facts.token.scope } }, access }
  }

  return {
    login,
    byPassword,
    async bySession(text, from = {}) {
      try {
        return await useSession(text, from)
      } catch (error) {
        if (isAppError(error, 'UNAUTHORIZED')) return undefined
        throw error
      }
    },
    recall(header) {
      if (header === null) return ANONYMOUS
      return header.startsWith(BEARER) ? claimedBy(verifyBearer.recall(header.slice(BEARER.length))) : undefined
    },
    async authenticate(header, from) {
      const credentials = parseAuthorization(header)
      switch (credentials.kind) {
        case 'none':
          return ANONYMOUS
        case 'basic':
          return { principal: await login(credentials.username, credentials.password, from) }
        case 'bearer':
          return bearer(credentials.token, from ?? {})
      }
    },
  }
}

/** As clients write it; whatever else stands for it is read by `parseAuthorization`. */
const BEARER = 'Bearer '

function claimedBy(claims: BearerClaims | undefined): Claimed | undefined {
  if (claims === undefined) return undefined
  const { subject, access } = claims
  if (subject === undefined) return { principal: ANONYMOUS.principal, access }
  if (subject.organizationTokenId !== undefined) {
    return { principal: { kind: 'organization-token', tokenId: subject.organizationTokenId }, access }
  }
  const { userId, tokenId } = subject
  return { principal: { kind: 'user', userId, token: tokenId === undefined ? undefined : { id: tokenId } }, access }
}

function refusedToken({ id, label, organization }: FoundOrganizationToken): RefusedSubject {
  return { organization: organization.name, label, tokenId: id }
}

export function provenOf({ userId, username }: Person): RefusedSubject {
  return { userId, username, isProven: true }
}

function passwordAlone(): AppError {
  return new AppError(
    'UNAUTHORIZED',
    'two-factor authentication is on for this account, so its password alone does not serve here: use a personal access token in place of the password (kagami login, then kagami token create)',
    TWO_FACTOR_REQUIRED,
  )
}

export const TWO_FACTOR_REQUIRED = { detail: { error: 'two_factor_required' } } as const

function tokenPrincipal({ id, label, organization }: FoundOrganizationToken): TokenPrincipal {
  return { kind: 'organization-token', tokenId: id, label, organization }
}

function isNamed(token: TokenOwner, username: string): boolean {
  const name = username.toLowerCase()
  return name === token.username || name === token.email
}

function wrongLogin(): AppError {
  return new AppError('UNAUTHORIZED', 'the user name, or its password or token, is not right', {
    about: { reason: 'wrong', what: 'login' },
  })
}

/** The same whether the token is unknown, ended, or another organization's: a pair tells nothing of its parts. */
function wrongPair(): AppError {
  return new AppError(
    'UNAUTHORIZED',
    'the name and the organization token are not a valid pair: the user name is the name of the organization that the token belongs to, and the token must be active and not expired',
  )
}
