/** When a delivery is tried again, and when nobody tries any more. Pure. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** The waits between attempts: about a day together, in which a receiver is down, repaired and up again. */
export const RETRY_WAITS_MS = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  8 * HOUR,
] as const

/** No attempt begins later than this after a delivery came into its line, or was asked for again. */
export const DELIVERY_LIFE_MS = 24 * HOUR
/** A receiver may be as long in coming to a word. So long its callback address takes one, and so long others wait for it. */
export const WAITING_LIFE_MS = 2 * DELIVERY_LIFE_MS
/** A webhook without a success for so long is disabled. */
export const DISABLE_AFTER_MS = 5 * DELIVERY_LIFE_MS
/** The secret of before signs too for so long after a new one was made. */
export const OLD_SECRET_MS = 24 * HOUR
/** A receiver that says when to come again is obeyed up to this. */
const MAX_RETRY_AFTER_MS = HOUR

export interface Failed {
  /** Attempts since it was put in line, this one included. */
  readonly tries: number
  readonly now: Date
  readonly expiresAt: string
  /** What the receiver asks for; undefined: nothing. */
  readonly retryAfterMs: number | undefined
  /** In [0, 1). */
  readonly random: number
}

/** When it is tried again; undefined: not, it is dead. */
export function nextTry({ tries, now, expiresAt, retryAfterMs, random }: Failed): Date | undefined {
  const wait = RETRY_WAITS_MS[tries - 1]
  if (wait === undefined) return undefined
  // Up to a fifth more, so that what failed together does not come back together.
  const spread = wait * (1 + random / 5)
  const next = new Date(now.getTime() + Math.max(spread, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)))
  return next.toISOString() > expiresAt ? undefined : next
}

/** `Retry-After` as seconds or as a date (RFC 9110 section 10.2.3). */
export function retryAfterMs(text: string | undefined, now: Date): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}

/** Attempts to one receiver at once. One that fails again and again is asked by few, so that it is not kept down. */
export const FLIGHTS = { usual: 16, failing: 2, failingFrom: 5 } as const

export function flightsOf(failedInRow: number): number {
  return failedInRow >= FLIGHTS.failingFrom ? FLIGHTS.failing : FLIGHTS.usual
}
