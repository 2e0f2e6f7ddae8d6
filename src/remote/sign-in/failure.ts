import { AppError, type ErrorCode, isAppError, isCancelled, messageOf } from '../../errors.ts'
import { clipped } from '../../lib/quoted.ts'
import { createRedactor } from '../../lib/redact.ts'
import { asTargetError } from '../target-errors.ts'
import type { Exchange } from './exchange.ts'

/** Of a library's or a helper's words, in characters. */
const MAX_WORDS = 300

export interface FailedSignIn {
  /** Of the registry. */
  readonly host: string
  /** Words for the way: `Amazon ECR`. */
  readonly by: string
  /** What to do about it. */
  readonly remedy: string
  readonly secrets: readonly string[]
  /** What the services answered last. */
  readonly last: Exchange['last']
}

/**
 * The error that a failed sign-in is: TARGET_DENIED with a remedy, TARGET_UNAVAILABLE or TARGET_RATE_LIMITED where the service was busy or out
 * of reach, ADDRESS_NOT_ALLOWED where the operator's networks do not hold it. What a library throws goes no further: its errors hold
 * requests with their secrets.
 */
export function signInFailure(error: unknown, { host, by, remedy, secrets, last }: FailedSignIn): unknown {
  if (isAppError(error) && error.code.startsWith('TARGET_')) return error
  if (isCancelled(error)) return error
  const { status, failure } = last ?? {}
  if (failure !== undefined) return asTargetError(failure)
  if (isAppError(error)) return asTargetError(error)
  const code: ErrorCode =
    status === 429
      ? 'TARGET_RATE_LIMITED'
      : status !== undefined && status >= 500
        ? 'TARGET_UNAVAILABLE'
        : 'TARGET_DENIED'
  const words = plain(createRedactor(secrets).redact(wordsOf(error)))
  return new AppError(code, `${host}: ${by} gives no login: ${words}. ${remedy}`, { detail: { status } })
}

/** `InvalidClientTokenId: …`: the name says more than the words of some libraries. */
function wordsOf(error: unknown): string {
  const { name } = error instanceof Error ? error : { name: 'Error' }
  return name === 'Error' ? messageOf(error) : `${name}: ${messageOf(error)}`
}

function plain(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return clipped(clean, MAX_WORDS).replace(/\.$/, '')
}
