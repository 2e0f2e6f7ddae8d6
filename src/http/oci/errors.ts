import { AppError, type ErrorCode, isCancelled } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import type { Logger } from '../../lib/logger.ts'
import { STATUS } from '../status.ts'
import { wireMessage } from './error-texts.ts'
import { RefusalError } from './refusal.ts'

/**
 * The answer to a failed request of `/v2` or the token service (distribution-spec "Error Codes"). A bug is logged here, once, under an id that the answer
 * names, and tells nothing else; a client that went away is no error.
 */
export function renderError(error: unknown, request: Request, logger: Logger): Response {
  if (isCancelled(error)) return new Response(null, { status: STATUS.CANCELLED })
  if (!(error instanceof AppError) || error.code === 'INTERNAL') {
    const requestId = newId()
    logger.error({ err: error, requestId, method: request.method, url: request.url.slice(0, 1000) }, 'request failed')
    return render(request, 500, {
      code: 'UNKNOWN',
      message: `internal error, request ${requestId}`,
      detail: { requestId },
    })
  }
  const headers = { ...retryHeader(error), ...(error instanceof RefusalError ? error.headers : {}) }
  const { code, message, detail } = error
  return render(request, STATUS[code], { code, message, ...(detail === undefined ? {} : { detail }) }, headers)
}

/** A refused login says how long to wait: whole seconds, as all clients read it. */
function retryHeader({ code, detail }: AppError): Record<string, string> {
  if (code !== 'TOOMANYREQUESTS') return {}
  const seconds =
    typeof detail === 'object' && detail !== null && 'retryAfterSeconds' in detail && detail.retryAfterSeconds
  return { 'Retry-After': String(typeof seconds === 'number' ? Math.ceil(seconds) : 1) }
}

interface WireError {
  readonly code: ErrorCode | 'UNKNOWN'
  readonly message: string
  readonly detail?: unknown
}

function render(request: Request, status: number, error: WireError, headers: Record<string, string> = {}): Response {
  const body = JSON.stringify({ errors: [{ ...error, message: wireMessage(error.code, error.message) }] })
  return new Response(request.method === 'HEAD' ? null : body, {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  })
}
