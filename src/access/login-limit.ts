/** Failed logins are counted by address and user name; over the limit nothing is checked any more until the time is over. */
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'

const MAX_FAILURES = 10
const WINDOW_MS = 5 * 60 * 1000
const REMEMBERED = 10_000

export interface LoginLimit {
  /**
   * Counts a try as failed before it is checked, so that tries at the same time count too.
   * @throws AppError TOOMANYREQUESTS with `detail.retryAfterSeconds`
   */
  begin(address: string | undefined, username: string): LoginTry
}

export interface LoginTry {
  /** It was right after all: what was counted is forgotten. */
  succeeded(): void
  /** It was not a guess (its check did not run): it does not count. */
  withdrawn(): void
}

export function createLoginLimit(clock: Clock): LoginLimit {
  const failures = new LRUCache<string, { count: number; readonly endsAtMs: number }>({ max: REMEMBERED })
  return {
    begin(address, username) {
      const key = `${networkOf(address)} ${username.toLowerCase().slice(0, 200)}`
      const nowMs = clock.now().getTime()
      let counted = failures.get(key)
      if (counted === undefined || counted.endsAtMs <= nowMs) {
        counted = { count: 0, endsAtMs: nowMs + WINDOW_MS }
        failures.set(key, counted)
      }
      if (counted.count >= MAX_FAILURES) {
        const retryAfterSeconds = Math.ceil((counted.endsAtMs - nowMs) / 1000)
        throw new AppError(
          'TOOMANYREQUESTS',
          `${MAX_FAILURES} logins have failed for this user name from this address: try again in ${retryAfterSeconds} s`,
          { detail: { retryAfterSeconds } },
        )
      }
      const mine = counted
      mine.count++
      return {
        succeeded: () => void failures.delete(key),
        withdrawn: () => void mine.count--,
      }
    },
  }
}

/** Whoever has one IPv6 address has its /64. */
function networkOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString()
}
