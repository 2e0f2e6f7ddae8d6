/** From credentials to who is asking. Bad credentials are UNAUTHORIZED, never anonymous. */
import type { Database } from '../db/engine/engine.ts'
import { readSubjectFacts } from '../db/people/rights.ts'
import type { TokenOwner } from '../db/people/tokens.ts'
import { AppError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import type { Secret } from '../lib/secret.ts'
import { PASSWORD_LENGTH } from '../oci/account-names.ts'
import type { Accounts } from './accounts.ts'
import { type BearerVerifier, invalidToken } from './bearer.ts'
import { parseAuthorization } from './credentials.ts'
import { createLoginLimit, networkOf } from './login-limit.ts'
import { ANONYMOUS, type Authenticated, type Principal } from './principal.ts'
import { findValidToken, isPast, noteTokenUse } from './tokens.ts'

export type UserPrincipal = Extract<Principal, { kind: 'user' }>

export interface From {
  /** The client's IP address, by which failed logins are counted. */
  readonly address?: string | undefined
}

export interface Authenticator {
  /**
   * @param header value of `Authorization`, null when absent
   * @throws AppError UNAUTHORIZED (`detail.error` is `invalid_token` for a bad bearer token), TOOMANYREQUESTS with
   * `detail.retryAfterSeconds`
   */
  authenticate(header: string | null, from?: From): Promise<Authenticated>
  /** A name and a password or personal access token. @throws as `authenticate` */
  login(username: string, password: string, from?: From): Promise<UserPrincipal>
}

export interface AuthenticatorDeps {
  readonly db: Database
  readonly accounts: Accounts
  readonly verifyBearer: BearerVerifier
  readonly clock: Clock
  /** See LoginLimitDeps. */
  readonly guessKey: Secret
}

const PAT = 'kgm_pat_'

export function createAuthenticator({ db, accounts, verifyBearer, clock, guessKey }: AuthenticatorDeps): Authenticator {
  const limit = createLoginLimit({ db, clock, key: guessKey })

  async function useToken(text: string, username?: string): Promise<UserPrincipal | undefined> {
    const token = await findValidToken(db.read, text, clock.now())
    if (token === undefined || (username !== undefined && !isNamed(token, username))) return undefined
    noteTokenUse(db, token, clock.now())
    const { id, scope, userId, isOperator } = token
    return { kind: 'user', userId, username: token.username, isOperator, token: { id, scope } }
  }

  async function login(username: string, password: string, from: From = {}): Promise<UserPrincipal> {
    // PostgreSQL's text cannot hold it, and no name does.
    if (username.includes('\0')) throw wrongLogin()
    // A token cannot be guessed: a right one is let in however many wrong passwords came before, and a wrong one is no guess.
    if (password.startsWith(PAT)) {
      const byToken = await useToken(password, username)
      if (byToken === undefined) throw wrongLogin()
      return byToken
    }
    // No password is so long; it costs no hash, so it need not be counted.
    if (password.length > PASSWORD_LENGTH.max) throw wrongLogin()
    const network = networkOf(from.address)
    const userId = await accounts.findId(username)
    const user = await limit.guard({ userId, username, password, network }, () =>
      accounts.verifyPassword(username, password, network),
    )
    if (user === undefined) throw wrongLogin()
    return { kind: 'user', userId: user.id, username: user.username, isOperator: user.isOperator }
  }

  async function bearer(text: string): Promise<Authenticated> {
    if (text.startsWith(PAT)) {
      const principal = await useToken(text)
      if (principal === undefined) throw invalidToken('it is unknown, revoked or expired')
      return { principal }
    }
    const { subject, access } = await verifyBearer(text)
    if (subject === undefined) return { principal: ANONYMOUS.principal, access }
    const facts = await readSubjectFacts(db.read, subject)
    const { userId, username, tokenId } = subject
    if (!facts.userExists) throw invalidToken('its user is gone')
    const user = { kind: 'user', userId, username, isOperator: facts.isOperator } as const
    if (tokenId === undefined) return { principal: user, access }
    if (facts.token === undefined || isPast(facts.token.expiresAt, clock.now())) {
      throw invalidToken('the token that it was obtained with is revoked or expired')
    }
    return { principal: { ...user, token: { id: tokenId, scope: facts.token.scope } }, access }
  }

  return {
    login,
    async authenticate(header, from) {
      const credentials = parseAuthorization(header)
      switch (credentials.kind) {
        case 'none':
          return ANONYMOUS
        case 'basic':
          return { principal: await login(credentials.username, credentials.password, from) }
        case 'bearer':
          return bearer(credentials.token)
      }
    },
  }
}

function isNamed(token: TokenOwner, username: string): boolean {
  const name = username.toLowerCase()
  return name === token.username || name === token.email
}

function wrongLogin(): AppError {
  return new AppError('UNAUTHORIZED', 'the user name, or its password or token, is not right')
}
