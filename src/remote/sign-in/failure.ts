import { AppError, type ErrorCode, isAppError, messageOf } from '../../errors.ts'
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
  readonly exchange?: Exchange | undefined
}

/**
 * The error that a failed sign-in is: TARGET_DENIED with a remedy, TARGET_UNAVAILABLE or TARGET_RATE_LIMITED where the service was busy or out
 * of reach, ADDRESS_NOT_ALLOWED where the operator's networks do not hold it. What a library throws goes no further: its errors hold
 * requests with their secrets.
 */
export function signInFailure(error: unknown, { host, by, remedy, secrets, exchange }: FailedSignIn): unknown {
  if (isAppError(error) && error.code.startsWith('TARGET_')) return error
  const { status, failure } = exchange?.last ?? {}
  if (failure !== undefined) return asTargetError(failure)
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
  return name === 'Error' || name === 'AppError' ? messageOf(error) : `${name}: ${messageOf(error)}`
}

function plain(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return (clean.length > MAX_WORDS ? `${clean.slice(0, MAX_WORDS)}…` : clean).replace(/\.$/, '')
}
