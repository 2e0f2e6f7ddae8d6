import { AppError, isAppError, type TargetErrorCode } from '../errors.ts'

const CODES: Readonly<Record<string, TargetErrorCode | undefined>> = {
  UPSTREAM_DENIED: 'TARGET_DENIED',
  UPSTREAM_INVALID: 'TARGET_INVALID',
  UPSTREAM_NOT_FOUND: 'TARGET_NOT_FOUND',
  UPSTREAM_RATE_LIMITED: 'TARGET_RATE_LIMITED',
  UPSTREAM_SHRUNK: 'TARGET_INVALID',
  UPSTREAM_UNAVAILABLE: 'TARGET_UNAVAILABLE',
  UPSTREAM_UNSUPPORTED: 'TARGET_UNSUPPORTED',
}

/** What a registry did that is written to, by its own codes; anything else as it is. */
export function asTargetError(error: unknown): unknown {
  if (!isAppError(error)) return error
  const code = CODES[error.code]
  return code === undefined ? error : new AppError(code, error.message, { detail: error.detail, cause: error })
}
