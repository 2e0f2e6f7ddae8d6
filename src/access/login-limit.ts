/** Failed logins are counted by address and user name; over the limit nothing is checked any more until the time is over. */
import { createHmac, randomBytes } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'

const MAX_FAILURES = 10
const WINDOW_MS = 5 * 60 * 1000
const REMEMBERED = 10_000

export interface LoginLimit {
  /**
   * Counts a guess as failed before it is checked, so that guesses at the same time count too. The same password, tried by
   * many requests at the same time, is one guess: a client begins with as many as it likes.
   * @throws AppError TOOMANYREQUESTS with `detail.retryAfterSeconds`
   */
  begin(address: string | undefined, username: string, password: string): LoginTry
}

export interface LoginTry {
  /** `right` forgets what was counted; `unchecked`: it was not a guess, its check did not run. To be called once. */
  end(outcome: 'right' | 'wrong' | 'unchecked'): void
}

/** One password that is being checked. */
interface Guess {
  requests: number
  isWrong: boolean
}

interface Window {
  /** Wrong guesses, and those that are being checked. */
  count: number
  readonly endsAtMs: number
  readonly guesses: Map<string, Guess>
}

export function createLoginLimit(clock: Clock): LoginLimit {
  const windows = new LRUCache<string, Window>({ max: REMEMBERED })
  const memoryKey = randomBytes(32)

  function windowOf(key: string, nowMs: number): Window {
    const present = windows.get(key)
    if (present !== undefined && present.endsAtMs > nowMs) return present
    const fresh = { count: 0, endsAtMs: nowMs + WINDOW_MS, guesses: new Map<string, Guess>() }
    windows.set(key, fresh)
    return fresh
  }

  return {
    begin(address, username, password) {
      const key = `${networkOf(address)} ${username.toLowerCase().slice(0, 200)}`
      const nowMs = clock.now().getTime()
      const window = windowOf(key, nowMs)
      const name = createHmac('sha256', memoryKey).update(password).digest('base64')
      const running = window.guesses.get(name)
      if (running === undefined && window.count >= MAX_FAILURES) throw tooMany(window.endsAtMs - nowMs)
      const guess = running ?? { requests: 0, isWrong: false }
      if (running === undefined) {
        window.count++
        window.guesses.set(name, guess)
      }
      guess.requests++
      return {
        end(outcome) {
          if (outcome === 'right') windows.delete(key)
          if (outcome === 'wrong') guess.isWrong = true
          guess.requests--
          if (guess.requests > 0) return
          window.guesses.delete(name)
          if (!guess.isWrong) window.count--
        },
      }
    },
  }
}

function tooMany(leftMs: number): AppError {
  const retryAfterSeconds = Math.ceil(leftMs / 1000)
  return new AppError(
    'TOOMANYREQUESTS',
    `${MAX_FAILURES} logins have failed for this user name from this address: try again in ${retryAfterSeconds} s`,
    { detail: { retryAfterSeconds } },
  )
}

/** Whoever has one IPv6 address has its /64. */
function networkOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString()
}
