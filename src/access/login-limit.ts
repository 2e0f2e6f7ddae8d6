/**
 * Wrong passwords are counted by account and network, in the database: over a limit nothing further is checked until the time is
 * over (decision record 17).
 */
import { createHmac } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import type { Database } from '../db/engine/engine.ts'
import {
  addFailedLogin,
  type FailedLogins,
  forgetFailedLogins,
  type LoginKey,
  readFailedLogins,
} from '../db/people/failed-logins.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Secret } from '../lib/secret.ts'

/** Different passwords for one account from one network. */
const MAX_GUESSES = 10
/** Refusals in all, the same password again included: each costs a hash. */
const MAX_FAILURES = 50
const WINDOW_MS = 5 * 60 * 1000

export interface LoginTry {
  /** Undefined: nobody has the name, which is counted all the same. */
  readonly userId: string | undefined
  /** As it was typed. */
  readonly username: string
  readonly password: string
  /** See networkOf. */
  readonly network: string
}

export interface LoginLimit {
  /**
   * Runs `check`, unless too many have failed; undefined from it is a failure. Guesses that are being checked count before they have
   * failed. The same password tried again is no new guess: a client begins with as many requests as it likes, and a job with an old
   * password does not lock its owner out at once. A right one forgets what was counted.
   * @throws AppError TOOMANYREQUESTS with `detail.retryAfterSeconds`, and what `check` throws, which counts as nothing
   */
  guard<T>(login: LoginTry, check: () => Promise<T | undefined>): Promise<T | undefined>
}

export interface LoginLimitDeps {
  readonly db: Database
  readonly clock: Clock
  /** The same for all servers of one database; without it the kept hashes say nothing about what was typed. */
  readonly key: Secret
}

export function createLoginLimit({ db, clock, key: secret }: LoginLimitDeps): LoginLimit {
  // What other servers are checking at this very moment is counted once it has failed.
  const checking = new Map<string, Map<string, number>>()
  const hash = (text: string) => createHmac('sha256', secret.reveal()).update(text).digest('base64url')

  function enter(key: LoginKey, guess: string): { readonly others: ReadonlySet<string>; leave(): void } {
    const name = `${key.account} ${key.network}`
    const guesses = checking.get(name) ?? new Map<string, number>()
    const others = new Set(guesses.keys())
    checking.set(name, guesses.set(guess, (guesses.get(guess) ?? 0) + 1))
    return {
      others,
      leave() {
        const left = (guesses.get(guess) ?? 1) - 1
        if (left > 0) guesses.set(guess, left)
        else guesses.delete(guess)
        if (guesses.size === 0) checking.delete(name)
      },
    }
  }

  /** Counted in this process alone where the database cannot be written: a full disk is no licence to guess. */
  async function count(key: LoginKey, guess: string, leave: () => void): Promise<void> {
    const now = clock.now()
    const endsAt = isoTime(new Date(now.getTime() + WINDOW_MS))
    try {
      await db.write((tx) => addFailedLogin(tx, key, { guess, at: isoTime(now), endsAt }))
      leave()
    } catch {
      setTimeout(leave, WINDOW_MS).unref()
    }
  }

  return {
    async guard<T>({ userId, username, password, network }: LoginTry, check: () => Promise<T | undefined>) {
      const key = { account: userId ?? `? ${hash(username.normalize('NFKC').trim().toLowerCase())}`, network }
      const guess = hash(password)
      // In this order nothing is missed: what was being checked before us is in `others`, what has failed before that is in the database.
      const { others, leave } = enter(key, guess)
      let result: T | undefined
      try {
        const now = clock.now()
        const past = await readFailedLogins(db.read, key, isoTime(now))
        refuseTooMany(past, others, guess, now)
        result = await check()
        if (result !== undefined && past.endsAt !== undefined) forgetFailedLogins(db, key)
      } catch (error) {
        leave()
        throw error
      }
      if (result === undefined) await count(key, guess, leave)
      else leave()
      return result
    },
  }
}

function refuseTooMany(past: FailedLogins, others: ReadonlySet<string>, guess: string, now: Date): void {
  const guesses = past.guesses.union(others)
  const isOver = (guesses.size >= MAX_GUESSES && !guesses.has(guess)) || past.failures >= MAX_FAILURES
  if (!isOver) return
  const leftMs = past.endsAt === undefined ? WINDOW_MS : Date.parse(past.endsAt) - now.getTime()
  const retryAfterSeconds = Math.ceil(leftMs / 1000)
  throw new AppError(
    'TOOMANYREQUESTS',
    `too many logins have failed for this user name from this address: try again in ${retryAfterSeconds} s`,
    { detail: { retryAfterSeconds } },
  )
}

/** Whoever has one IPv6 address has its /64. */
export function networkOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString()
}
