/** What became of a failed request, judged in one place for registry, token service and management API. */
import { AppError, isAppError, isCancelled } from '../errors.ts'
import type { Logger } from '../lib/logger.ts'
import { requestIdOf } from '../lib/request-id.ts'

export type Failure =
  /** Nobody is left to read an answer; not logged as an error, whatever the end of the connection has broken. */
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'expected'; readonly error: AppError }
  /** Logged here, once, under an id that the answer names; nothing else of it leaks. */
  | { readonly kind: 'bug'; readonly requestId: string }

export function judgeFailure(error: unknown, request: Request, logger: Logger): Failure {
  if (isCancelled(error)) return { kind: 'cancelled' }
  if (isAppError(error) && error.code !== 'INTERNAL') return { kind: 'expected', error }
  const facts = { err: error, method: request.method, url: request.url.slice(0, 1000) }
  if (request.signal.aborted) {
    logger.debug(facts, 'the client left')
    return { kind: 'cancelled' }
  }
  const requestId = requestIdOf(request)
  logger.error({ ...facts, requestId }, 'request failed')
  return { kind: 'bug', requestId }
}

export const CANCELLED = new AppError('CANCELLED', 'the request was cancelled')
