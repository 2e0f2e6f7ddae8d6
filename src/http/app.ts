/** All that one port serves: registry, token service, management API, metrics, health. */
import type { Hono } from 'hono'
import { AppError } from '../errors.ts'
import { CALLBACKS_PATH } from '../events/callbacks-path.ts'
import type { Logger } from '../lib/logger.ts'
import { requestIdOf } from '../lib/request-id.ts'
import { errorResponse } from './api/errors.ts'
import type { CallbacksApp } from './callbacks/app.ts'
import { forwardedAddress, type IsTrustedProxy } from './client-address.ts'
import type { HooksApp } from './hooks/app.ts'
import type { MetricsApp } from './metrics/app.ts'
import type { OciApp } from './oci/app.ts'
import type { ServerHandle } from './oci/call.ts'
import type { PageApp } from './page/app.ts'
import { API_PATH, HOOKS_PATH } from './paths.ts'
import { signpost } from './signposts.ts'
import { parseTarget, pathOf } from './target.ts'

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

export interface HttpParts {
  readonly oci: OciApp
  readonly token: Hono
  /** Absent where only a registry is served. */
  readonly api?: { fetch(request: Request, server: ServerHandle): Response | Promise<Response> }
  /** Absent where nothing is mirrored. */
  readonly hooks?: HooksApp
  /** Absent where nothing is delivered. */
  readonly callbacks?: CallbacksApp
  /** Absent where only programs come. */
  readonly page?: PageApp
  /** Absent where nothing is measured. */
  readonly metrics?: MetricsApp
  readonly isReady: () => boolean
  readonly logger: Logger
  /** Absent: nobody's forwarding headers are believed. */
  readonly isTrustedProxy?: IsTrustedProxy
}

export interface HttpApp {
  /** Never rejects: every failure is an answer. */
  fetch(request: Request, server: ServerHandle): Response | Promise<Response>
}

export function createHttpApp(parts: HttpParts): HttpApp {
  const route = (request: Request, server: ServerHandle): Response | Promise<Response> => {
    const path = pathOf(request)
    if (path === '/v2' || path.startsWith('/v2/')) return parts.oci.fetch(request, server)
    if (path === '/token') return parts.token.fetch(request, server)
    if (parts.api !== undefined && path.startsWith(`${API_PATH}/`)) return parts.api.fetch(request, server)
    if (parts.metrics !== undefined && path === '/metrics') return parts.metrics.fetch(request, server)
    if (path === '/healthz') return text(200, 'ok')
    if (path === '/readyz') return parts.isReady() ? text(200, 'ready') : text(503, 'starting')
    return rest(request, path)
  }
  const rest = async (request: Request, path: string): Promise<Response> => {
    const hooked = path.startsWith(`${HOOKS_PATH}/`)
      ? parts.hooks?.fetch(request)
      : path.startsWith(`${CALLBACKS_PATH}/`)
        ? parts.callbacks?.fetch(request)
        : parts.page?.fetch(request, path)
    const answer = await hooked
    if (answer !== undefined) return answer
    const said = READS.has(request.method) ? signpost(parseTarget(request.url)) : undefined
    return said === undefined ? absent(path) : text(200, said)
  }
  const failed = (error: unknown, request: Request) => errorResponse(error, request, parts.logger)
  function answered(request: Request, server: ServerHandle): Response | Promise<Response> {
    try {
      const answer = route(request, atDoor(server, parts.isTrustedProxy))
      return answer instanceof Promise ? answer.catch((error) => failed(error, request)) : answer
    } catch (error) {
      return failed(error, request)
    }
  }
  /** By this id the audit log names it, and the server's log when it was a bug. Reads that went well are in neither. */
  function marked(answer: Response, request: Request): Response {
    if (answer.status >= 400 || !READS.has(request.method)) answer.headers.set('x-request-id', requestIdOf(request))
    return answer
  }
  return {
    // Without a promise where the answer is there: one costs more than what most answers need beside their statement.
    fetch(request, server) {
      const answer = answered(request, server)
      return answer instanceof Promise ? answer.then((one) => marked(one, request)) : marked(answer, request)
    },
  }
}

/** @throws AppError NOT_FOUND */
function absent(path: string): never {
  throw new AppError('NOT_FOUND', `there is no ${path.slice(0, 200)} here`)
}

/** Bun's server as the rooms inside see it: the address is that of the client, judged here once. */
function atDoor(server: ServerHandle, isTrusted: IsTrustedProxy = () => false): ServerHandle {
  return {
    timeout: (request, seconds) => server.timeout(request, seconds),
    requestIP(request) {
      const peer = server.requestIP(request)?.address
      return peer === undefined ? null : { address: forwardedAddress(peer, request.headers, isTrusted) }
    },
  }
}

function text(status: number, line: string): Response {
  return new Response(`${line}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  })
}
