/** What is asked of people at a prompt, of whom some are known already: passwords once more, and codes of a second factor. */
import { AppError, isAppError } from '../errors.ts'
import { PASSWORD_LENGTH } from '../oci/account-names.ts'
import type { Accounts } from './accounts.ts'
import { type Person, provenOf, type RequestAuthenticator, TWO_FACTOR_REQUIRED } from './authenticate.ts'
import { type LoginLimit, type LoginTry, networkOf } from './login-limit.ts'
import type { From, UserPrincipal } from './principal.ts'
import { refusedOf } from './refused-subject.ts'
import type { TwoFactor } from './two-factor.ts'

export interface Authenticator extends RequestAuthenticator {
  /** A person at a prompt: name, password, and the code where there is a second factor. @throws as `login` */
  signIn(o: SignIn, from?: From): Promise<UserPrincipal>
  /** That whoever asks knows the password, in whatever way the request was let in. @throws AppError DENIED, TOOMANYREQUESTS */
  confirmPassword(who: Person, password: string, from?: From): Promise<void>
  /**
   * Runs `check` on a code of the user, counted as logins are, from wherever they come: whoever guesses at codes knows the password already.
   * @throws AppError DENIED when it gives undefined, TOOMANYREQUESTS
   */
  guardCode<T>(who: Person, code: string, check: () => Promise<T | undefined>): Promise<T>
}

export interface SignIn {
  readonly username: string
  readonly password: string
  readonly code?: string | undefined
}

export interface PromptDeps {
  readonly requests: RequestAuthenticator
  readonly accounts: Pick<Accounts, 'verifyPassword'>
  readonly twoFactor: TwoFactor
  /** The one that logins are counted by. */
  readonly limit: LoginLimit
}

export function createPrompts({ requests, accounts, twoFactor, limit }: PromptDeps): Authenticator {
  /** A proof that is asked of somebody who is known already. */
  function guarded<T>(one: LoginTry, who: Person, check: () => Promise<T | undefined>): Promise<T | undefined> {
    return limit.guard(one, check).catch((error) => {
      throw isAppError(error) ? refusedOf(error, provenOf(who)) : error
    })
  }

  return {
    ...requests,
    async signIn({ username, password, code }, from = {}) {
      const principal = await requests.byPassword(username, password, from)
      if (!(await twoFactor.isOn(principal.userId))) return principal
      if (code === undefined) throw codeWanted()
      const isRight = await guarded(codeTry(principal, code), principal, () =>
        orUndefined(twoFactor.use(principal.userId, code)),
      )
      if (isRight === undefined)
        throw refusedOf(
          new AppError('UNAUTHORIZED', WRONG_CODE, { about: { reason: 'wrong', what: 'code' } }),
          provenOf(principal),
        )
      return principal
    },
    async confirmPassword({ userId, username }, password, from = {}) {
      const network = networkOf(from.address)
      const isRight =
        password.length <= PASSWORD_LENGTH.max &&
        (await guarded({ userId, username, password, network }, { userId, username }, () =>
          accounts.verifyPassword(username, password, network),
        ))
      if (!isRight)
        throw new AppError('DENIED', 'the current password is not right', {
          about: { reason: 'wrong', what: 'password' },
        })
    },
    async guardCode(who, code, check) {
      const result = await guarded(codeTry(who, code), who, check)
      if (result === undefined) throw new AppError('DENIED', WRONG_CODE, { about: { reason: 'wrong', what: 'code' } })
      return result
    },
  }
}

/** Whose codes are guessed at, from wherever. */
function codeTry({ userId, username }: Person, code: string): LoginTry {
  return { userId: `${userId} code`, username, password: code, network: 'any' }
}

async function orUndefined(answer: Promise<boolean>): Promise<true | undefined> {
  return (await answer) || undefined
}

const WRONG_CODE = 'the code is not right, or was used already: each serves once'

function codeWanted(): AppError {
  return new AppError(
    'UNAUTHORIZED',
    'a code is wanted: two-factor authentication is on for this account',
    TWO_FACTOR_REQUIRED,
  )
}
