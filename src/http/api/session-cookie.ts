/** Sessions of browsers: a cookie that only pages of this server make use of. */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { ANONYMOUS, type Authenticated, type From } from '../../access/principal.ts'
import type { Authenticator } from '../../access/prompts.ts'
import { AppError } from '../../errors.ts'
import type { Secret } from '../../lib/secret.ts'
import { publicUrl } from '../public-url.ts'
import type { ApiEnvironment } from './route.ts'

const NAME = 'kagami_session'
/** As long as browsers keep one: a session lives on while it is used, and the server says when it is over. */
const COOKIE_LIFE_SECONDS = 400 * 24 * 60 * 60
const READING = ['GET', 'HEAD']

/**
 * Who is behind the cookie of a request without `Authorization`. One that is over counts as none.
 * @throws AppError DENIED when another site's page would change something in the name of the session
 */
export async function authenticateBySession(
  c: Context,
  authenticator: Authenticator,
  configuredUrl: string | undefined,
  from: From,
): Promise<Authenticated> {
  const token = getCookie(c, NAME)
  if (token === undefined || token === '') return ANONYMOUS
  const principal = await authenticator.bySession(token, from)
  if (principal === undefined) return ANONYMOUS
  if (!READING.includes(c.req.method)) requireOwnOrigin(c, configuredUrl)
  return { principal }
}

/** @throws AppError DENIED */
export function requireOwnOrigin(c: Context, configuredUrl: string | undefined): void {
  if (c.req.header('origin') === publicUrl(c.req.raw, configuredUrl)) return
  throw new AppError(
    'DENIED',
    'a session changes things from pages of this server alone: the Origin is another, or none',
  )
}

export function setSessionCookie(c: Context, secret: Secret, origin: string): void {
  setCookie(c, NAME, secret.reveal(), { ...cookieOptions(origin, '/'), maxAge: COOKIE_LIFE_SECONDS })
}

/** What went wrong on the way of a browser, for the page that it comes back to: no address carries words that others could have written. */
const PROBLEM_NAME = 'kagami_problem'
const PROBLEM_LIFE_SECONDS = 60
const MAX_PROBLEM_LENGTH = 300

/** The answer that takes a browser back to the page, which tells the problem; undefined: a program asks, or it is no way of a browser. */
export function backToPage(c: Context<ApiEnvironment>, error: unknown, configuredUrl: string | undefined) {
  const goesOnAt = c.get('goesOnAt')
  const isBrowser = /\btext\/html\b/.test(c.req.header('accept') ?? '')
  if (goesOnAt === undefined || !isBrowser || !(error instanceof AppError)) return undefined
  const options = { ...cookieOptions(publicUrl(c.req.raw, configuredUrl), '/'), httpOnly: false }
  setCookie(c, PROBLEM_NAME, error.message.slice(0, MAX_PROBLEM_LENGTH), { ...options, maxAge: PROBLEM_LIFE_SECONDS })
  return c.redirect(goesOnAt, 302)
}

/** Of a session that is over. */
export function removeSessionCookie(c: Context, origin: string): void {
  deleteCookie(c, NAME, cookieOptions(origin, '/'))
}

export function cookieOptions(origin: string, path: string) {
  // Lax: it has to come along when a provider sends the browser back.
  return { path, httpOnly: true, sameSite: 'Lax', secure: origin.startsWith('https:') } as const
}
