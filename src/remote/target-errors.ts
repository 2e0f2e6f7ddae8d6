/** What goes wrong at a registry that is written to has codes of its own: nobody is to look for it at an upstream. */
import { AppError, type ErrorCode, type TargetErrorCode } from '../errors.ts'
import { isOfOwnBody } from '../net/sent-body.ts'

const CODES: Readonly<Partial<Record<ErrorCode, TargetErrorCode>>> = {
  UPSTREAM_DENIED: 'TARGET_DENIED',
  UPSTREAM_INVALID: 'TARGET_INVALID',
  UPSTREAM_NOT_FOUND: 'TARGET_NOT_FOUND',
  UPSTREAM_RATE_LIMITED: 'TARGET_RATE_LIMITED',
  UPSTREAM_UNAVAILABLE: 'TARGET_UNAVAILABLE',
  UPSTREAM_UNSUPPORTED: 'TARGET_UNSUPPORTED',
}

/** The same error as one of a target; what the source of a body has failed with stays what it is. */
export function asTargetError(error: unknown): unknown {
  if (!(error instanceof AppError) || isOfOwnBody(error)) return error
  const code = CODES[error.code]
  if (code === undefined) return error
  return new AppError(code, error.message, { detail: error.detail, about: error.about, cause: error })
}
