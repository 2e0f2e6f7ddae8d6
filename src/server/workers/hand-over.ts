/**
 * Requests that a worker gives to the main process: whatever is about more than the registry, and on SQLite, which has one writer, small writes:
 * they share its transactions and its cache of pages. Never a request whose answer is a blob: what passes two processes has no length any more
 * when it is long.
 */
import { AppError } from '../../errors.ts'
import { errorResponse } from '../../http/api/errors.ts'
import type { HttpApp } from '../../http/app.ts'
import { parseTarget, pathOf } from '../../http/target.ts'
import type { Logger } from '../../lib/logger.ts'
import { PEER_HEADER } from './messages.ts'

/** Of one connection alone (RFC 9110, 7.6.1): Bun says its own. */
const OF_ONE_CONNECTION = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]

/** Bytes of a body: to hash and store what is larger takes longer than its transactions do. */
const SMALL_BYTES = 64 * 1024

/** Bytes of an answer that is read whole. The page's files and whatever the API answers at once are smaller. */
const WHOLE_BYTES = 8 * 1024 * 1024

export interface HandOverOptions {
  /** The socket of the main process. */
  readonly door: string
  readonly logger: Logger
  /** On SQLite: which sessions this worker has hashed what came for; undefined: small writes are served here too. */
  readonly knowsSession: ((id: string) => boolean) | undefined
}

/** `app` for what a worker serves itself. */
export function handingOver(app: HttpApp, { door, logger, knowsSession }: HandOverOptions): HttpApp {
  return {
    fetch: (request, server) =>
      isServedHere(request) && !isSmallWrite(request) ? app.fetch(request, server) : handOver(request, server),
  }

  function isSmallWrite(request: Request): boolean {
    if (knowsSession === undefined || request.method === 'GET' || request.method === 'HEAD') return false
    const session = /\/blobs\/uploads\/([^/]+)$/.exec(pathOf(request))?.[1]
    return !(session !== undefined && knowsSession(session)) && isSmall(request)
  }

  async function handOver(request: Request, server: Parameters<HttpApp['fetch']>[1]): Promise<Response> {
    const { path, query } = parseTarget(request.url)
    // Uploads watch over their own progress; all else is cut here as it would be there.
    if (path.startsWith('/v2/') && request.body !== null) server.timeout(request, 0)
    try {
      const answer = await fetch(`http://main${path}${query === '' ? '' : `?${query}`}`, {
        unix: door,
        method: request.method,
        headers: headersFor(request, server.requestIP(request)?.address),
        body: request.body !== null && isSmall(request) ? await request.bytes() : request.body,
        signal: request.signal,
        redirect: 'manual',
        decompress: false,
        timeout: false,
      } as BunFetchRequestInit)
      return await withLength(answer)
    } catch (error) {
      const why = new AppError('UNAVAILABLE', 'the server is busy with something else: try again', { cause: error })
      return errorResponse(
        request.signal.aborted ? new AppError('CANCELLED', 'the client went away') : why,
        request,
        logger,
      )
    }
  }
}

/** Bun streams on what it gets, and says no length of what is streamed: an answer that has one is read whole where it is not long. */
async function withLength(answer: Response): Promise<Response> {
  const length = answer.headers.get('content-length')
  if (answer.body === null || length === null || Number(length) > WHOLE_BYTES) return answer
  const { status, headers } = answer
  return new Response(await answer.bytes(), { status, headers })
}

function isSmall({ headers, body }: Request): boolean {
  return body === null || Number(headers.get('content-length') ?? Number.POSITIVE_INFINITY) <= SMALL_BYTES
}

function isServedHere(request: Request): boolean {
  const path = pathOf(request)
  if (path === '/healthz') return true
  const isRegistry = path === '/v2' || path.startsWith('/v2/')
  // A form may ask for a refresh token, which is written.
  const isToken = path === '/token' && (request.method === 'GET' || request.method === 'HEAD')
  return isRegistry || isToken
}

function headersFor(request: Request, peer: string | undefined): Headers {
  const headers = new Headers(request.headers)
  for (const name of OF_ONE_CONNECTION) headers.delete(name)
  if (peer === undefined) headers.delete(PEER_HEADER)
  else headers.set(PEER_HEADER, peer)
  // What the client has not said, Bun would say for itself.
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity')
  if (!headers.has('user-agent')) headers.set('user-agent', '')
  return headers
}
