/** Wrong passwords are counted by address and user name; over a limit nothing further is checked until the time is over. */
import { createHmac, randomBytes } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'

/** Different passwords for one name from one address. */
const MAX_GUESSES = 10
/** Refusals in all, the same password again included: each costs a hash. */
const MAX_FAILURES = 50
const WINDOW_MS = 5 * 60 * 1000
const REMEMBERED = 10_000

export interface LoginLimit {
  /**
   * Counts a guess as failed before it is checked, so that guesses at the same time count too. The same password tried again
   * is no new guess: a client begins with as many requests as it likes, and a job with an old password does not lock its owner out
   * at once.
   * @throws AppError TOOMANYREQUESTS with `detail.retryAfterSeconds`
   */
  begin(address: string | undefined, username: string, password: string): LoginTry
}

export interface LoginTry {
  /** `right` forgets what was counted; `unchecked`: it was not a guess, its check did not run. To be called once. */
  end(outcome: 'right' | 'wrong' | 'unchecked'): void
}

/** One password that is being checked, or was wrong. */
interface Guess {
  /** That are being checked. */
  requests: number
  isWrong: boolean
}

interface Window {
  failures: number
  readonly endsAtMs: number
  readonly guesses: Map<string, Guess>
}

export function createLoginLimit(clock: Clock): LoginLimit {
  const windows = new LRUCache<string, Window>({ max: REMEMBERED })
  const memoryKey = randomBytes(32)

  function windowOf(key: string, nowMs: number): Window {
    const present = windows.get(key)
    if (present !== undefined && present.endsAtMs > nowMs) return present
    const fresh = { failures: 0, endsAtMs: nowMs + WINDOW_MS, guesses: new Map<string, Guess>() }
    windows.set(key, fresh)
    return fresh
  }

  return {
    begin(address, username, password) {
      const key = `${networkOf(address)} ${username.toLowerCase().slice(0, 200)}`
      const nowMs = clock.now().getTime()
      const window = windowOf(key, nowMs)
      const name = createHmac('sha256', memoryKey).update(password).digest('base64')
      const known = window.guesses.get(name)
      const isGuessed = known === undefined && window.guesses.size >= MAX_GUESSES
      if (isGuessed || window.failures >= MAX_FAILURES) throw tooMany(window.endsAtMs - nowMs)
      const guess = known ?? { requests: 0, isWrong: false }
      window.guesses.set(name, guess)
      guess.requests++
      return {
        end(outcome) {
          guess.requests--
          if (outcome === 'right') windows.delete(key)
          if (outcome === 'wrong') {
            guess.isWrong = true
            window.failures++
          }
          if (guess.requests === 0 && !guess.isWrong) window.guesses.delete(name)
        },
      }
    },
  }
}

function tooMany(leftMs: number): AppError {
  const retryAfterSeconds = Math.ceil(leftMs / 1000)
  return new AppError(
    'TOOMANYREQUESTS',
    `too many logins have failed for this user name from this address: try again in ${retryAfterSeconds} s`,
    { detail: { retryAfterSeconds } },
  )
}

/** Whoever has one IPv6 address has its /64. */
function networkOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString()
}
