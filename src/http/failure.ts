/** What became of a failed request, judged in one place for registry, token service and management API. */
import { DatabaseUnavailable } from '../db/engine/unavailable.ts'
import { AppError, isAppError, isCancelled, messageOf } from '../errors.ts'
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
  const facts = { err: error, method: request.method, url: request.url.slice(0, 1000) }
  if (isAppError(error, 'STORAGE_UNAVAILABLE')) {
    logger.warn({ ...facts, err: undefined, why: messageOf(error.cause) }, 'the blob store is not available')
  }
  if (isAppError(error) && error.code !== 'INTERNAL') return { kind: 'expected', error }
  if (request.signal.aborted) {
    logger.debug(facts, 'the client left')
    return { kind: 'cancelled' }
  }
  const requestId = requestIdOf(request)
  if (error instanceof DatabaseUnavailable) {
    logger.warn({ ...facts, err: undefined, why: error.message, requestId }, 'the database is not available')
    return { kind: 'expected', error: databaseAway(error) }
  }
  logger.error({ ...facts, requestId }, 'request failed')
  return { kind: 'bug', requestId }
}

/** Clients of registries and of the API try again by themselves, after so long. */
const RETRY_AFTER_SECONDS = 2

function databaseAway(cause: DatabaseUnavailable): AppError {
  const detail = { retryAfterSeconds: RETRY_AFTER_SECONDS }
  return new AppError('UNAVAILABLE', 'the database does not take this now: try again', { detail, cause })
}

export const CANCELLED = new AppError('CANCELLED', 'the request was cancelled')
