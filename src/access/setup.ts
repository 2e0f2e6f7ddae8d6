/**
 * The first run by a page: no owner is made, and whoever reads the server's output gets a code by which the page makes one (decision record
 * 45). A code serves once, for a day, and all end with the first owner; guesses are counted by network.
 */
import { createHmac, randomInt } from 'node:crypto'
import { type Database, oneAtATime, type Queries, type Transaction } from '../db/engine/engine.ts'
import { addFailedLogin, readFailedLogins } from '../db/people/failed-logins.ts'
import { hasSetupCode, insertSetupCode, takeSetupCode } from '../db/people/setup-codes.ts'
import { hasOperator, type User } from '../db/people/users.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { type Accounts, type NewUser, orTaken } from './accounts.ts'
import { makeOwnerOf } from './bootstrap.ts'

const LIFE_MS = 24 * 60 * 60 * 1000
/** Consonants, which spell nothing: about 69 bits, in four groups that can be typed. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const GROUPS = 4
const GROUP_LENGTH = 4
/** Wrong codes of one network. */
const MAX_GUESSES = 10
const GUESS_WINDOW_MS = 5 * 60 * 1000

export interface FirstAccount extends NewUser {
  readonly organization: string
}

export interface Setup {
  /** Whether the instance has no owner yet. */
  isWanted(): Promise<boolean>
  /** Makes a code, shown here once. @returns undefined: there is an owner already */
  makeCode(): Promise<Secret | undefined>
  /** @param network of whoever guesses @throws AppError DENIED, TOOMANYREQUESTS */
  check(code: string, network: string): Promise<void>
  /**
   * Makes the owner and the organization, and uses the code up: all or nothing. Of two at once one does.
   * @throws AppError DENIED for a code that is over, also where somebody was faster; INVALID_REQUEST, CONFLICT, TOOMANYREQUESTS
   */
  run(code: string, account: FirstAccount, network: string): Promise<User>
}

export function createSetup(deps: {
  readonly db: Database
  readonly clock: Clock
  readonly sealer: Sealer
  readonly accounts: Accounts
}): Setup {
  const { db, clock, sealer, accounts } = deps
  const key = sealer.derive('setup codes')
  const hashOf = (code: string) =>
    createHmac('sha256', key.reveal())
      .update(code.toUpperCase().replace(/[^A-Z]/g, ''))
      .digest('hex')
  const isWanted = async (queries: Queries = db.read) => !(await hasOperator(queries))

  /** Looks, and counts what is not there, in one transaction: guesses at once are as many as one after the other. */
  function guess(tx: Transaction, hash: string, network: string): Promise<'right' | 'wrong' | { endsAt: string }> {
    const now = clock.now()
    return countedGuess(tx, { hash, network, at: isoTime(now), endsAt: isoTime(plus(now, GUESS_WINDOW_MS)) })
  }

  return {
    isWanted: () => isWanted(),

    async makeCode() {
      const groups = Array.from({ length: GROUPS }, () =>
        Array.from({ length: GROUP_LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join(''),
      )
      const code = groups.join('-')
      const now = clock.now()
      const row = { hash: hashOf(code), created_at: isoTime(now), ends_at: isoTime(plus(now, LIFE_MS)) }
      const isMade = await db.write(async (tx) => {
        if (!(await isWanted(tx))) return false
        await insertSetupCode(tx, row)
        return true
      })
      return isMade ? createSecret(code) : undefined
    },

    async check(code, network) {
      const found = await db.write((tx) => guess(tx, hashOf(code), network))
      if (found === 'right') return
      if (found === 'wrong') throw notRight()
      const retryAfterSeconds = Math.max(1, Math.ceil((Date.parse(found.endsAt) - clock.now().getTime()) / 1000))
      throw new AppError('TOOMANYREQUESTS', `too many wrong codes: try again in ${retryAfterSeconds} s`, {
        detail: { retryAfterSeconds },
      })
    },

    async run(code, { organization, ...user }, network) {
      const insert = await accounts.prepareUser(user, network)
      const at = isoTime(clock.now())
      // A server that starts beside this one may be making its own.
      return oneAtATime(db, () =>
        orTaken(user.username, () =>
          db.write(async (tx) => {
            if (!(await isWanted(tx)) || !(await takeSetupCode(tx, hashOf(code), at))) throw notRight()
            const made = await insert(tx)
            await makeOwnerOf(tx, made, organization, at)
            return { ...made, isOperator: true }
          }),
        ),
      )
    },
  }
}

async function countedGuess(
  tx: Transaction,
  o: { readonly hash: string; readonly network: string; readonly at: string; readonly endsAt: string },
): Promise<'right' | 'wrong' | { endsAt: string }> {
  const { network, at, endsAt } = o
  const tried = { account: 'setup', network }
  const past = await readFailedLogins(tx, tried, at)
  if (past.failures >= MAX_GUESSES) return { endsAt: past.endsAt ?? endsAt }
  if (await hasSetupCode(tx, o.hash, at)) return 'right'
  // One row a network, whatever was guessed.
  await addFailedLogin(tx, tried, { guess: '', at, endsAt })
  return 'wrong'
}

function plus(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms)
}

function notRight(): AppError {
  return new AppError(
    'DENIED',
    'the setup code is not right: it is mistyped, used, or older than a day; the server prints a new one when it starts',
    { about: { reason: 'wrong', what: 'setup-code' } },
  )
}
