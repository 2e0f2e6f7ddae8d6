import type { AppError, ErrorCode } from '../../errors.ts'
import type { Logger } from '../../lib/logger.ts'
import { judgeFailure } from '../failure.ts'
import { STATUS } from '../status.ts'
import { wireMessage } from './error-texts.ts'
import { RefusalError } from './refusal.ts'

/**
 * The answer to a failed request of `/v2` or the token service (distribution-spec "Error Codes"). A bug is logged here, once, under an id that the answer
 * names, and tells nothing else; a client that went away is no error (`http/failure.ts`).
 */
export function renderError(thrown: unknown, request: Request, logger: Logger): Response {
  const failure = judgeFailure(thrown, request, logger)
  if (failure.kind === 'cancelled') return new Response(null, { status: STATUS.CANCELLED })
  if (failure.kind === 'bug') {
    const { requestId } = failure
    return render(request, 500, {
      code: 'UNKNOWN',
      message: `internal error, request ${requestId}`,
      detail: { requestId },
    })
  }
  const { error } = failure
  const headers = { ...retryHeader(error), ...(error instanceof RefusalError ? error.headers : {}) }
  const { code, message, detail } = error
  return render(request, STATUS[code], { code, message, ...(detail === undefined ? {} : { detail }) }, headers)
}

/** A refused login, and a server that cannot now, say how long to wait: whole seconds, as all clients read it. */
function retryHeader({ code, detail }: AppError): Record<string, string> {
  if (code === 'STORAGE_UNAVAILABLE') return { 'Retry-After': '5' }
  if (code !== 'TOOMANYREQUESTS' && code !== 'UNAVAILABLE') return {}
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
