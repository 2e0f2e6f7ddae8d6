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
