import { clipped } from '../lib/quoted.ts'

/** Without word of when the window ends, a spent quota is asked about again after this time. */
const UNKNOWN_RESET_MS = 60_000

/** No registry is left alone for longer than this on its own word. */
const LONGEST_MS = 24 * 60 * 60 * 1000

/** `Retry-After` in milliseconds from `nowMs`: seconds, or an HTTP date (RFC 9110 section 10.2.3); undefined when absent or unreadable. */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value === undefined || value === '') return undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Math.min(LONGEST_MS, Number(value) * 1000)
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.min(LONGEST_MS, Math.max(0, date - nowMs))
}

/**
 * How long to leave a registry alone whose quota is spent, in milliseconds; undefined while something remains.
 * Docker Hub writes `ratelimit-remaining: 0;w=21600`; `ratelimit-reset` is seconds from now, with some senders Unix time.
 */
export function spentQuotaMs(headers: Headers, nowMs: number): number | undefined {
  const remaining = headers.get('ratelimit-remaining') ?? headers.get('x-ratelimit-remaining')
  if (remaining === null || !/^\s*0+\s*(;|$)/.test(remaining)) return undefined
  const reset = Number.parseInt(headers.get('ratelimit-reset') ?? headers.get('x-ratelimit-reset') ?? '', 10)
  const resetMs = reset > 1e9 ? reset * 1000 - nowMs : reset * 1000
  return (
    retryAfterMs(headers, nowMs) ??
    (Number.isNaN(resetMs) ? UNKNOWN_RESET_MS : Math.min(LONGEST_MS, Math.max(0, resetMs)))
  )
}

/** What a registry says is left of what it allows. */
export interface Allowance {
  /** Undefined: not told. */
  readonly limit: number | undefined
  readonly remaining: number
  readonly windowMs: number | undefined
  /** When it is renewed, as far as told. */
  readonly resetMs: number | undefined
  /** Whom it counts, e.g. an address or an account. */
  readonly source: string | undefined
}

const MAX_SOURCE = 100

/**
 * `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 97;w=21600`, `docker-ratelimit-source` (Docker Hub); `x-ratelimit-*` with the
 * reset as Unix time (GitHub). Undefined when nothing is told, or nothing that can be read.
 */
export function allowanceOf(headers: Headers, nowMs: number): Allowance | undefined {
  const of = (name: string) => headers.get(`ratelimit-${name}`) ?? headers.get(`x-ratelimit-${name}`)
  const [limit, remaining] = [amountOf(of('limit')), amountOf(of('remaining'))]
  if (remaining === undefined) return undefined
  const reset = amountOf(of('reset'))?.amount
  const resetMs = reset === undefined ? undefined : reset > 1e9 ? reset * 1000 : nowMs + reset * 1000
  const source = headers.get('docker-ratelimit-source') ?? headers.get('x-ratelimit-resource') ?? undefined
  return {
    limit: limit?.amount,
    remaining: remaining.amount,
    windowMs: limit?.windowMs ?? remaining.windowMs,
    resetMs: resetMs === undefined ? undefined : Math.min(resetMs, nowMs + LONGEST_MS),
    source: source === undefined ? undefined : clipped(source, MAX_SOURCE),
  }
}

function amountOf(value: string | null): { amount: number; windowMs: number | undefined } | undefined {
  const match = /^\s*(\d{1,15})\s*(?:;\s*w=(\d{1,9})\s*)?(?:$|[;,])/.exec(value ?? '')
  if (match === null) return undefined
  return { amount: Number(match[1]), windowMs: match[2] === undefined ? undefined : Number(match[2]) * 1000 }
}
