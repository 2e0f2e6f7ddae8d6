/** The registry's protocol: every endpoint of distribution-spec 1.1 and of its next version, under `/v2`. */
import { AppError, isAppError } from '../../errors.ts'
import { clientAddress } from '../client-address.ts'
import { challenge } from './authorize.ts'
import { removeBlob, serveBlob } from './blobs.ts'
import type { Call, OciDependencies, ServerHandle } from './call.ts'
import { renderError } from './errors.ts'
import { serveCatalog, serveReferrers, serveTags } from './lists.ts'
import { removeManifest, serveManifest, storeManifest } from './manifests.ts'
import { RefusalError, withHeaders } from './refusal.ts'
import { parseRoute, type RouteKind } from './route.ts'
import { appendUpload, cancelUpload, finishUpload, showUpload, startUpload } from './uploads.ts'

export interface OciApp {
  /** Never rejects: every failure is an answer. */
  fetch(request: Request, server?: ServerHandle): Promise<Response>
}

type Handler = (deps: OciDependencies, call: Call) => Promise<Response>

/** HEAD is written down wherever GET is: a GET in its place would open the body and never cancel it. */
const ROUTES: Record<RouteKind, Readonly<Record<string, Handler>>> = {
  base: { GET: serveBase, HEAD: serveBase },
  catalog: { GET: serveCatalog, HEAD: serveCatalog },
  blob: { GET: serveBlob, HEAD: serveBlob, DELETE: removeBlob },
  manifest: { GET: serveManifest, HEAD: serveManifest, PUT: storeManifest, DELETE: removeManifest },
  tags: { GET: serveTags, HEAD: serveTags },
  referrers: { GET: serveReferrers, HEAD: serveReferrers },
  uploads: { POST: startUpload },
  upload: { GET: showUpload, HEAD: showUpload, PATCH: appendUpload, PUT: finishUpload, DELETE: cancelUpload },
}

export function createOciApp(deps: OciDependencies): OciApp {
  return {
    async fetch(request, server) {
      const response = await handle(deps, request, server).catch((error) => renderError(error, request, deps.logger))
      // Clients may ask for it to know the API (Docker Registry HTTP API V2, "API Version Check").
      response.headers.set('Docker-Distribution-API-Version', 'registry/2.0')
      return response
    },
  }
}

async function handle(deps: OciDependencies, request: Request, server: ServerHandle | undefined): Promise<Response> {
  const route = parseRoute(request.url)
  if (route === undefined) throw new AppError('NOT_FOUND', 'the registry has no such endpoint')
  const methods = ROUTES[route.kind]
  const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
  if (handler === undefined) {
    const allow = Object.keys(methods).join(', ')
    throw new RefusalError('UNSUPPORTED', `${request.method} is not supported here, want ${allow}`, { Allow: allow })
  }
  const who = await authenticate(deps, request, server)
  return handler(deps, { request, route, who, server })
}

async function authenticate(deps: OciDependencies, request: Request, server: ServerHandle | undefined) {
  try {
    return await deps.authenticate(request, clientAddress(request, server))
  } catch (error) {
    if (!isAppError(error, 'UNAUTHORIZED')) throw error
    const isToken = /^bearer /i.test(request.headers.get('authorization') ?? '')
    throw withHeaders(error, challenge(deps, request, isToken ? { error: 'invalid_token' } : {}))
  }
}

/**
 * GET `/v2/` (end-1). Without credentials it is 401 in any case: docker, podman and skopeo take the challenge from here only.
 * A valid token, an anonymous one too, gets 200.
 */
async function serveBase(deps: OciDependencies, { request, who }: Call): Promise<Response> {
  if (who.principal.kind === 'anonymous' && who.access === undefined) {
    throw new RefusalError('UNAUTHORIZED', 'no credentials were given', challenge(deps, request))
  }
  const headers = { 'Content-Type': 'application/json', 'Content-Length': '2' }
  return new Response(request.method === 'HEAD' ? null : '{}', { headers })
}
