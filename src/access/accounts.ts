/** People and their passwords, hashed by better-auth: its own functions alone, since all of it takes 20 MiB of memory. */
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Database, isUniqueViolation, type Transaction } from '../db/engine/engine.ts'
import { insertAccount, isTaken, setPassword } from '../db/people/accounts.ts'
import { twoFactorState } from '../db/people/audit-states.ts'
import { endPasswordLogins } from '../db/people/sessions.ts'
import { removeTwoFactor } from '../db/people/two-factor.ts'
import { findPasswordAccount, findUserByName, type User } from '../db/people/users.ts'
import { recordAudit } from '../db/platform/audit.ts'
import { AppError } from '../errors.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import { createFairLimiter } from '../lib/fair-limiter.ts'
import type { Secret } from '../lib/secret.ts'
import { isUsername, MAX_ACCOUNT_NAME_LENGTH, PASSWORD_LENGTH } from '../oci/account-names.ts'

/** Hashing takes 32 MiB and tens of milliseconds of a core: few at once, and a bounded queue, of which one client gets half. */
const HASHES_AT_ONCE = 2
const MAX_HASHES = 32
const MAX_HASHES_PER_CLIENT = 16
const REMEMBERED_VERIFICATIONS = 1000

/** `salt:key` as better-auth writes it, of no password: where there is no user, checking takes its usual time. */
const DECOY_HASH = `${'0'.repeat(32)}:${'0'.repeat(128)}`

export interface NewUser {
  readonly username: string
  readonly password: Secret
  /** A name to sign in by, beside the user name; a placeholder is made when absent. */
  readonly email?: string | undefined
  /** What people see; the user name when absent. */
  readonly displayName?: string | undefined
}

/** Makes the user in a transaction of the caller's. @throws AppError CONFLICT; two at once break a unique index, see `orTaken` */
export type InsertUser = (tx: Transaction) => Promise<User>

export interface Accounts {
  /** @throws AppError INVALID_REQUEST for a bad name or password, CONFLICT when the name or mail address is taken */
  createUser(user: NewUser): Promise<User>
  /**
   * The same in two steps: checks and hashes now, and gives what makes the user in the transaction of what it joins.
   * @param client who has a share of the queue of hashes
   * @throws AppError INVALID_REQUEST, TOOMANYREQUESTS
   */
  prepareUser(user: NewUser, client: string | undefined): Promise<InsertUser>
  /**
   * Sets the password and ends all sessions and refresh tokens that the old one opened. Personal access tokens stay.
   * @param o.endTwoFactor for who has lost the second factor too
   * @throws AppError NOT_FOUND, INVALID_REQUEST
   */
  resetPassword(username: string, password: Secret, o?: { readonly endTwoFactor?: boolean }): Promise<User>
  /**
   * Sets the password of whoever knows the current one, and ends what that one opened but for the session `besides`.
   * @returns false when `current` is not the password, or is none any more
   * @throws AppError INVALID_REQUEST, TOOMANYREQUESTS
   */
  changePassword(
    username: string,
    o: {
      readonly current: Secret
      readonly password: Secret
      readonly besides?: string | undefined
      readonly client?: string | undefined
    },
  ): Promise<boolean>
  /**
   * The user of that name or mail address when the password is right. Takes as long for a user that does not exist.
   * @param client who has a share of the queue; undefined: ourselves
   * @throws AppError TOOMANYREQUESTS when too many verifications wait already
   */
  verifyPassword(login: string, password: string, client?: string): Promise<User | undefined>
  /** Id of the user of that name or mail address, however it is spelled, when the user has a password. */
  findId(login: string): Promise<string | undefined>
}

/** Loaded by the first password: it has to wait for a hash anyway. */
const hasher = () => import('better-auth/crypto')

export function createAccounts(db: Database): Accounts {
  const hashing = createFairLimiter({
    atOnce: HASHES_AT_ONCE,
    total: MAX_HASHES,
    perClient: MAX_HASHES_PER_CLIENT,
    refuse: () =>
      new AppError('TOOMANYREQUESTS', 'too many logins are being checked already: try again', {
        detail: { retryAfterSeconds: 1 },
      }),
  })
  // Successes only, keyed by the stored hash too, which is read at every request: a changed password is felt at once.
  const verified = new LRUCache<string, true>({ max: REMEMBERED_VERIFICATIONS, ttl: 5 * 60_000 })
  const verifying = new Map<string, Promise<boolean>>()
  const memoryKey = randomBytes(32)

  async function isRight(passwordHash: string | null, password: string, client: string | undefined): Promise<boolean> {
    const { verifyPassword } = await hasher()
    if (passwordHash === null) {
      await hashing.run(client, () => verifyPassword({ hash: DECOY_HASH, password }))
      return false
    }
    const key = createHmac('sha256', memoryKey).update(`${passwordHash}\0${password}`).digest('base64')
    if (verified.get(key) === true) return true
    // A client that begins with many requests at once asks the same question many times: it is answered once.
    const asked = verifying.get(key)
    if (asked !== undefined) return asked
    const answer = hashing.run(client, () => verifyPassword({ hash: passwordHash, password }))
    verifying.set(key, answer)
    try {
      const right = await answer
      if (right) verified.set(key, true)
      return right
    } finally {
      verifying.delete(key)
    }
  }

  async function hashOf(password: Secret, client: string | undefined): Promise<string> {
    const text = checked(password)
    return hashing.run(client, async () => (await hasher()).hashPassword(text))
  }

  async function prepareUser({ username, password, ...o }: NewUser, client: string | undefined): Promise<InsertUser> {
    if (!isUsername(username)) throw badUsername(username)
    const passwordHash = await hashOf(password, client)
    const email = o.email?.toLowerCase()
    return async (tx) => {
      if (await isTaken(tx, { username, email })) throw taken(username)
      const at = isoTime(systemClock.now())
      const displayName = o.displayName ?? username
      const id = await insertAccount(tx, { username, passwordHash, displayName, email, at })
      const after = { username, displayName, email: email ?? null }
      await recordAudit(tx, { ...changeOf('user.create', username), before: null, after })
      return { id, username, isOperator: false }
    }
  }

  return {
    async createUser(user) {
      const insert = await prepareUser(user, undefined)
      return orTaken(user.username, () => db.write(insert))
    },
    prepareUser,

    async resetPassword(username, password, o = {}) {
      const user = await findUserByName(db.read, username)
      if (user === undefined)
        throw new AppError('NOT_FOUND', `there is no user ${JSON.stringify(username.slice(0, 100))}`, {
          about: { reason: 'absent', what: 'user', name: username.slice(0, 100) },
        })
      const hash = await hashOf(password, undefined)
      await db.write(async (tx) => {
        await setPassword(tx, user.id, { hash, at: isoTime(systemClock.now()) })
        await endPasswordLogins(tx, user.id)
        await recordAudit(tx, passwordChanged(user.username))
        const factor = o.endTwoFactor === true ? await twoFactorState(tx, user.id) : undefined
        if (factor === undefined) return
        await removeTwoFactor(tx, user.id)
        const ended = changeOf('two-factor.disable', user.username)
        await recordAudit(tx, { ...ended, before: factor.state, after: null })
      })
      return user
    },

    async changePassword(username, o) {
      const account = await findPasswordAccount(db.read, username)
      const before = account?.passwordHash ?? null
      if (!(await isRight(before, o.current.reveal(), o.client)) || account === undefined || before === null)
        return false
      const hash = await hashOf(o.password, o.client)
      return db.write(async (tx) => {
        const isSet = await setPassword(tx, account.id, { hash, before, at: isoTime(systemClock.now()) })
        if (!isSet) return false
        await endPasswordLogins(tx, account.id, o.besides)
        await recordAudit(tx, passwordChanged(account.username))
        return true
      })
    },

    findId: async (login) => (await findPasswordAccount(db.read, login))?.id,

    async verifyPassword(login, password, client) {
      if (password.length > PASSWORD_LENGTH.max) return undefined
      const account = await findPasswordAccount(db.read, login)
      if (!(await isRight(account?.passwordHash ?? null, password, client)) || account === undefined) return undefined
      return { id: account.id, username: account.username, isOperator: account.isOperator }
    },
  }
}

function changeOf(action: string, username: string) {
  return { organizationId: null, action, object: `user:${username}` }
}

function passwordChanged(username: string) {
  return { ...changeOf('user.password', username), before: null, after: { password: 'changed' } }
}

function checked(password: Secret): string {
  const text = password.reveal()
  const { min, max } = PASSWORD_LENGTH
  if (text.length >= min && text.length <= max) return text
  throw new AppError('INVALID_REQUEST', `password: want ${min} to ${max} characters, got ${text.length}`, {
    about: { reason: text.length < min ? 'too-short' : 'too-long', where: 'password', least: min, most: max },
  })
}

/** Runs what makes a user, or gives one a mail address: when another was faster with the same, that is a CONFLICT. */
export async function orTaken<T>(username: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw taken(username, error)
  }
}

export function taken(username: string, cause?: unknown): AppError {
  return new AppError('CONFLICT', `the user name ${username} or its mail address is taken`, {
    about: { reason: 'taken', what: 'user', name: username },
    cause,
  })
}

function badUsername(username: string): AppError {
  return new AppError(
    'INVALID_REQUEST',
    `username: want 1 to ${MAX_ACCOUNT_NAME_LENGTH} of a-z, 0-9, and . _ - between them, got ${JSON.stringify(username.slice(0, 100))}`,
    { about: { reason: 'invalid', what: 'user', where: 'username', most: MAX_ACCOUNT_NAME_LENGTH } },
  )
}
