/** People and their passwords. Rows and hashes are better-auth's; nothing here may run inside `db.write`. */
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Database, isUniqueViolation } from '../db/engine/engine.ts'
import { endPasswordLogins, findPasswordAccount, findUserByName, type User } from '../db/people/users.ts'
import { AppError } from '../errors.ts'
import { createFairLimiter } from '../lib/fair-limiter.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Secret } from '../lib/secret.ts'
import { isUsername, MAX_ACCOUNT_NAME_LENGTH, PASSWORD_LENGTH } from '../oci/account-names.ts'
import { createBetterAuth } from './better-auth.ts'

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
  /** Nobody signs in with it; a placeholder is made when absent. */
  readonly email?: string | undefined
}

export interface Accounts {
  /** @throws AppError INVALID_REQUEST for a bad name or password, CONFLICT when the name or mail address is taken */
  createUser(user: NewUser): Promise<User>
  /**
   * Sets the password and ends all sessions and refresh tokens that the old one opened. Personal access tokens stay.
   * @throws AppError NOT_FOUND, INVALID_REQUEST
   */
  resetPassword(username: string, password: Secret): Promise<User>
  /**
   * The user of that name or mail address when the password is right. Takes as long for a user that does not exist.
   * @param client who has a share of the queue; undefined: ourselves
   * @throws AppError TOOMANYREQUESTS when too many verifications wait already
   */
  verifyPassword(login: string, password: string, client?: string): Promise<User | undefined>
  /** Id of the user of that name or mail address, however it is spelled, when the user has a password. */
  findId(login: string): Promise<string | undefined>
}

export function createAccounts(db: Database, sealer: Sealer): Accounts {
  const auth = createBetterAuth(db, sealer.derive('better-auth'))
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
    const { password: hasher } = await auth.$context
    if (passwordHash === null) {
      await hashing.run(client, () => hasher.verify({ hash: DECOY_HASH, password }))
      return false
    }
    const key = createHmac('sha256', memoryKey).update(`${passwordHash}\0${password}`).digest('base64')
    if (verified.get(key) === true) return true
    // A client that begins with many requests at once asks the same question many times: it is answered once.
    const asked = verifying.get(key)
    if (asked !== undefined) return asked
    const answer = hashing.run(client, () => hasher.verify({ hash: passwordHash, password }))
    verifying.set(key, answer)
    try {
      const right = await answer
      if (right) verified.set(key, true)
      return right
    } finally {
      verifying.delete(key)
    }
  }

  return {
    async createUser({ username, password, email }) {
      if (!isUsername(username)) throw badUsername(username)
      const hash = await hashing.run(undefined, async () => (await auth.$context).password.hash(checked(password)))
      const { adapter } = await auth.$context
      const now = new Date()
      const times = { createdAt: now, updatedAt: now }
      try {
        const id = await adapter.transaction(async (tx) => {
          const user = await tx.create<Record<string, unknown>, { id: string }>({
            model: 'user',
            data: {
              name: username,
              username,
              displayUsername: username,
              email: email?.toLowerCase() ?? `${username}@users.invalid`,
              emailVerified: false,
              ...times,
            },
          })
          await tx.create({
            model: 'account',
            data: { userId: user.id, accountId: user.id, providerId: 'credential', password: hash, ...times },
          })
          return user.id
        })
        return { id, username, isOperator: false }
      } catch (error) {
        if (!isUniqueViolation(error)) throw error
        throw new AppError('CONFLICT', `the user name ${username} or its mail address is taken`, { cause: error })
      }
    },

    async resetPassword(username, password) {
      const user = await findUserByName(db.read, username)
      if (user === undefined)
        throw new AppError('NOT_FOUND', `there is no user ${JSON.stringify(username.slice(0, 100))}`)
      const { internalAdapter, password: hasher } = await auth.$context
      const hash = await hashing.run(undefined, () => hasher.hash(checked(password)))
      await internalAdapter.updatePassword(user.id, hash)
      await db.write((tx) => endPasswordLogins(tx, user.id))
      return user
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

function checked(password: Secret): string {
  const text = password.reveal()
  const { min, max } = PASSWORD_LENGTH
  if (text.length >= min && text.length <= max) return text
  throw new AppError('INVALID_REQUEST', `password: want ${min} to ${max} characters, got ${text.length}`)
}

function badUsername(username: string): AppError {
  return new AppError(
    'INVALID_REQUEST',
    `username: want 1 to ${MAX_ACCOUNT_NAME_LENGTH} of a-z, 0-9, and . _ - between them, got ${JSON.stringify(username.slice(0, 100))}`,
  )
}
