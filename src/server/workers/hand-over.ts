/**
 * Requests that a worker gives to the main process: whatever is about more than the registry, whatever comes with a password, and on SQLite,
 * which has one writer, small writes: they share its transactions and its cache of pages.
 */
import { isPassword } from '../../access/authenticate.ts'
import { parseAuthorization } from '../../access/credentials.ts'
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
      return await fetch(`http://main${path}${query === '' ? '' : `?${query}`}`, {
        unix: door,
        method: request.method,
        headers: headersFor(request, server.requestIP(request)?.address),
        body: request.body !== null && isSmall(request) ? await request.bytes() : request.body,
        signal: request.signal,
        redirect: 'manual',
        decompress: false,
        timeout: false,
      } as BunFetchRequestInit)
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

function isSmall({ headers, body }: Request): boolean {
  return body === null || Number(headers.get('content-length') ?? Number.POSITIVE_INFINITY) <= SMALL_BYTES
}

function isServedHere(request: Request): boolean {
  const path = pathOf(request)
  if (path === '/healthz') return true
  const isRegistry = path === '/v2' || path.startsWith('/v2/')
  // A form may hold a password.
  const isToken = path === '/token' && (request.method === 'GET' || request.method === 'HEAD')
  return (isRegistry || isToken) && !hasPassword(request.headers.get('authorization'))
}

function hasPassword(header: string | null): boolean {
  if (header === null || !/^basic /i.test(header)) return false
  try {
    const credentials = parseAuthorization(header)
    return credentials.kind === 'basic' && isPassword(credentials.password)
  } catch {
    // Refused wherever it is served.
    return false
  }
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
