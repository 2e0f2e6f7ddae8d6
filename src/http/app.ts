/** All that one port serves: registry, token service, management API, health. */
import type { Hono } from 'hono'
import { AppError } from '../errors.ts'
import type { Logger } from '../lib/logger.ts'
import { API_PATH } from './api/app.ts'
import { errorResponse } from './api/errors.ts'
import type { Routes } from './api/route.ts'
import type { OciApp } from './oci/app.ts'
import type { ServerHandle } from './oci/call.ts'

export interface HttpParts {
  readonly oci: OciApp
  readonly token: Hono
  /** Absent where only a registry is served. */
  readonly api?: Routes
  readonly isReady: () => boolean
  readonly logger: Logger
}

export interface HttpApp {
  /** Never rejects: every failure is an answer. */
  fetch(request: Request, server: ServerHandle): Promise<Response>
}

export function createHttpApp(parts: HttpParts): HttpApp {
  const route = (request: Request, server: ServerHandle): Response | Promise<Response> => {
    const path = pathOf(request.url)
    if (path === '/v2' || path.startsWith('/v2/')) return parts.oci.fetch(request, server)
    if (path === '/token') return parts.token.fetch(request, server)
    if (parts.api !== undefined && path.startsWith(`${API_PATH}/`)) return parts.api.fetch(request, server)
    if (path === '/healthz') return text(200, 'ok')
    if (path === '/readyz') return parts.isReady() ? text(200, 'ready') : text(503, 'starting')
    throw new AppError('NOT_FOUND', `there is no ${path.slice(0, 200)} here`)
  }
  return {
    async fetch(request, server) {
      try {
        return await route(request, server)
      } catch (error) {
        return errorResponse(error, parts.logger)
      }
    },
  }
}

/** The path as it was sent: nothing decoded, nothing resolved. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return '/'
  const end = url.slice(start).search(/[?#]/)
  return end === -1 ? url.slice(start) : url.slice(start, start + end)
}

function text(status: number, line: string): Response {
  return new Response(`${line}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  })
}
