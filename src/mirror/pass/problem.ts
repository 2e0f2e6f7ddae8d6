import { isQuotaRefusal } from '../../db/content/quota.ts'
import { AppError, isCancelled, messageOf } from '../../errors.ts'

/** Why something cannot be had, in the words of a run's failures. */
export interface Problem {
  readonly code: string
  readonly message: string
  /** The organization has no room for it. */
  readonly isOverQuota?: true
  /** It is about attestations and signatures, not about the image that they hang on. */
  readonly isOfReferrers?: true
}

/** Reasons that pass by themselves, once the registry is there again or takes the login. */
export function isOutage({ code }: Problem): boolean {
  return OUTAGES.has(code)
}

const OUTAGES: ReadonlySet<string> = new Set([
  'TARGET_DENIED',
  'TARGET_NOT_FOUND',
  'TARGET_RATE_LIMITED',
  'TARGET_UNAVAILABLE',
  'UPSTREAM_DENIED',
  'UPSTREAM_NOT_FOUND',
  'UPSTREAM_RATE_LIMITED',
  'UPSTREAM_UNAVAILABLE',
])

/** Some messages quote others; a run keeps hundreds of them. */
const MAX_MESSAGE = 1000

function shorten(message: string): string {
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE)}…`
}

/** What was thrown, as a problem; an end by cancellation, and a bug, are thrown on. */
export function problemOf(error: unknown): Problem {
  if (error instanceof AppError && !isCancelled(error)) return problemFrom(error)
  throw error
}

/** Like `problemOf`, but also takes what nobody expected. */
export function failureOf(error: unknown): Problem {
  return error instanceof AppError ? problemFrom(error) : { code: 'INTERNAL', message: shorten(messageOf(error)) }
}

function problemFrom(error: AppError): Problem {
  const { code } = error
  const message = shorten(error.message)
  return isQuotaRefusal(error) ? { code, message, isOverQuota: true } : { code, message }
}

/** All of `works`, settled; then the first error, if any. Nothing goes on in the background after it has thrown. */
export async function settleAll(works: Iterable<Promise<unknown>>): Promise<void> {
  const results = await Promise.allSettled(works)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
