import { AppError } from '../errors.ts'
import { clipped } from '../lib/quoted.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Where an answer sends a GET or HEAD, or undefined when the answer is for the caller. Other methods are never sent on:
 * their bodies may hold credentials.
 * @throws AppError UPSTREAM_INVALID for a Location that is none, leaves http(s), or leads from https to http
 */
export function nextHop(
  from: URL,
  response: { readonly status: number; readonly headers: Headers },
  request: { readonly method?: string; readonly redirect?: 'follow' | 'same-origin' | 'manual' },
): URL | undefined {
  const location = response.headers.get('location')
  const mode = request.redirect ?? 'follow'
  const method = request.method ?? 'GET'
  if (!REDIRECTS.has(response.status) || location === null || mode === 'manual') return undefined
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const to = URL.parse(location, from.href)
  if (mode === 'same-origin' && to?.origin !== from.origin) return undefined
  if (to === null || (to.protocol !== 'https:' && to.protocol !== 'http:')) {
    throw new AppError('UPSTREAM_INVALID', `${from.host} redirects to a Location that is not an http(s) address`)
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new AppError(
      'UPSTREAM_INVALID',
      `${from.host} redirects from https to plain http at ${clipped(to.host, 300)}, want https`,
    )
  }
  // fetch would turn these into an Authorization header that nobody meant to send.
  to.username = ''
  to.password = ''
  return to
}
