import { AppError, type AppErrorOptions, type ErrorCode } from '../../errors.ts'

/** An expected failure whose answer carries headers of its own (a challenge, a session's range). */
export class RefusalError extends AppError {
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, headers: Record<string, string>, options: AppErrorOptions = {}) {
    super(code, message, options)
    this.headers = headers
  }
}

/** The same failure, answered with these headers too. */
export function withHeaders(error: AppError, headers: Record<string, string>): RefusalError {
  return new RefusalError(error.code, error.message, headers, { detail: error.detail, cause: error })
}
