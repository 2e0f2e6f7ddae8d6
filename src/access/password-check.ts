/** Whether a password is right. Guesses are counted and hashes take turns where this is made: in one process of a server. */
import type { User } from '../db/people/users.ts'
import { type AppError, isAppError } from '../errors.ts'
import type { Accounts } from './accounts.ts'
import type { LoginLimit } from './login-limit.ts'

export interface PasswordTry {
  /** User name or mail address, as it was typed. */
  readonly login: string
  readonly password: string
  /** See networkOf. */
  readonly network: string
}

/** What came of it, and no more: whatever else decides about the account is asked by whoever serves the request. */
export interface PasswordAnswer {
  /** Whose name was given; undefined: nobody's who has a password. */
  readonly userId?: string | undefined
  /** The same user when the password is right. */
  readonly user?: User | undefined
  /** Why nothing was checked: TOOMANYREQUESTS with `detail.retryAfterSeconds`. */
  readonly refused?: AppError | undefined
}

export type PasswordCheck = (tried: PasswordTry) => Promise<PasswordAnswer>

export interface PasswordCheckDeps {
  readonly accounts: Pick<Accounts, 'findId' | 'verifyPassword'>
  readonly limit: LoginLimit
}

export function createPasswordCheck({ accounts, limit }: PasswordCheckDeps): PasswordCheck {
  return async ({ login, password, network }) => {
    const userId = await accounts.findId(login)
    const tried = { userId, username: login, password, network }
    try {
      return { userId, user: await limit.guard(tried, () => accounts.verifyPassword(login, password, network)) }
    } catch (error) {
      if (!isAppError(error)) throw error
      return { userId, refused: error }
    }
  }
}
