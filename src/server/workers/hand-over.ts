/** Requests that a worker gives to the main process: whatever is about more than the registry, and whatever comes with a password. */
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

/** `app` for what a worker serves itself. @param door the socket of the main process */
export function handingOver(app: HttpApp, door: string, logger: Logger): HttpApp {
  return {
    fetch: (request, server) => (isServedHere(request) ? app.fetch(request, server) : handOver(request, server)),
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
        body: request.body,
        signal: request.signal,
        redirect: 'manual',
        decompress: false,
        keepalive: false,
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
