/** The one place where a management answer becomes an error's document. */
import { HTTPException } from 'hono/http-exception'
import { errorBodyOf } from '../../api/error-body.ts'
import { AppError, type ErrorCode } from '../../errors.ts'
import type { Logger } from '../../lib/logger.ts'
import { CANCELLED, judgeFailure } from '../failure.ts'
import { STATUS } from '../status.ts'

/** Expected failures as they are; a bug as INTERNAL with an id that the log has too, and nothing of it leaked. */
export function errorResponse(error: unknown, request: Request, logger: Logger): Response {
  if (error instanceof HTTPException) return render(fromHono(error), error.status)
  const failure = judgeFailure(error, request, logger)
  if (failure.kind === 'expected') return render(failure.error)
  if (failure.kind === 'cancelled') return render(CANCELLED)
  return render(new AppError('INTERNAL', `this is a bug; the server's log has it as request ${failure.requestId}`))
}

function render(error: AppError, status = STATUS[error.code]): Response {
  const body = errorBodyOf(error)
  const headers = new Headers({ 'cache-control': 'no-store' })
  if (status === 401) headers.set('www-authenticate', 'Bearer realm="kagami"')
  const wait = (error.detail as { retryAfterSeconds?: unknown } | undefined)?.retryAfterSeconds
  if (typeof wait === 'number') headers.set('retry-after', String(wait))
  return Response.json(body, { status, headers })
}

/** What the framework itself refuses: a body that is not JSON, or of another media type. */
function fromHono(error: HTTPException): AppError {
  const codes: Partial<Record<number, ErrorCode>> = { 413: 'SIZE_INVALID', 401: 'UNAUTHORIZED', 403: 'DENIED' }
  const message = error.status === 415 ? 'the body must be application/json' : error.message
  return new AppError(codes[error.status] ?? 'INVALID_REQUEST', message)
}
