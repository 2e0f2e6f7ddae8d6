/** The registry's protocol: every endpoint of distribution-spec 1.1 and of its next version, under `/v2`. */
import type { Authenticated } from '../../access/principal.ts'
import { AppError, isAppError } from '../../errors.ts'
import { comingFrom } from '../client-address.ts'
import { contentRemoved, noteRefused, repositoryMade } from './audit.ts'
import { challenge, neededScopes } from './authorize.ts'
import { absentBlob, removeBlob, serveBlob } from './blobs.ts'
import type { Call, OciDependencies, ServerHandle } from './call.ts'
import { type Endpoint, onBase, onCatalog, onPresent, onRepository } from './endpoint.ts'
import { renderError } from './errors.ts'
import { createGiveWay, type GiveWay } from './give-way.ts'
import { serveCatalog, serveReferrers, serveTags } from './lists.ts'
import { absentManifest, removeManifest, serveManifest, storeManifest } from './manifests.ts'
import { RefusalError, withHeaders } from './refusal.ts'
import { parseRoute, type RouteKind } from './route.ts'
import { absentUpload, appendUpload, cancelUpload, finishUpload, showUpload, startUpload } from './uploads.ts'

export interface OciApp {
  /** Never rejects: every failure is an answer. */
  fetch(request: Request, server?: ServerHandle): Promise<Response>
}

const base = onBase(serveBase)
const catalog = onCatalog(serveCatalog)
const blob = onPresent('pull', serveBlob, absentBlob)
const manifest = onPresent('pull', serveManifest, absentManifest)
const tags = onPresent('pull', serveTags)
const referrers = onRepository('pull', serveReferrers)
// Cancelling needs `push`, not `delete`: who may begin may stop.
const session = (handle: typeof showUpload) => onPresent('push', handle, absentUpload)

/** HEAD is written down wherever GET is: a GET in its place would open the body and never cancel it. */
const ROUTES: Record<RouteKind, Readonly<Record<string, Endpoint>>> = {
  base: { GET: base, HEAD: base },
  catalog: { GET: catalog, HEAD: catalog },
  blob: { GET: blob, HEAD: blob, DELETE: onPresent('delete', removeBlob, absentBlob, contentRemoved) },
  manifest: {
    GET: manifest,
    HEAD: manifest,
    PUT: onRepository('push', storeManifest, repositoryMade),
    DELETE: onPresent('delete', removeManifest, absentManifest, contentRemoved),
  },
  tags: { GET: tags, HEAD: tags },
  referrers: { GET: referrers, HEAD: referrers },
  uploads: { POST: onRepository('push', startUpload, repositoryMade) },
  upload: {
    GET: session(showUpload),
    HEAD: session(showUpload),
    PATCH: session(appendUpload),
    PUT: session(finishUpload),
    DELETE: session(cancelUpload),
  },
}

export function createOciApp(deps: OciDependencies): OciApp {
  const giveWay = createGiveWay()
  return {
    async fetch(request, server) {
      const response = await handle(deps, giveWay, request, server).catch((error) =>
        renderError(error, request, deps.logger),
      )
      // Clients may ask for it to know the API (Docker Registry HTTP API V2, "API Version Check").
      response.headers.set('Docker-Distribution-API-Version', 'registry/2.0')
      return response
    },
  }
}

async function handle(
  deps: OciDependencies,
  giveWay: GiveWay,
  request: Request,
  server: ServerHandle | undefined,
): Promise<Response> {
  const route = parseRoute(request.url)
  if (route === undefined) throw new AppError('NOT_FOUND', 'the registry has no such endpoint')
  const methods = ROUTES[route.kind]
  const endpoint = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
  if (endpoint === undefined) {
    const allow = Object.keys(methods).join(', ')
    throw new RefusalError('UNSUPPORTED', `${request.method} is not supported here, want ${allow}`, { Allow: allow })
  }
  if (request.method === 'GET' || request.method === 'HEAD') giveWay.noteRead()
  else {
    const turn = giveWay.forWrite()
    if (turn !== undefined) await turn
  }
  let who: Authenticated | undefined
  try {
    who = await authenticate(deps, request, server, neededScopes(route, endpoint.needs))
    return await endpoint.serve(deps, { request, route, who, server })
  } catch (error) {
    noteRefused(deps, error, { request, server, who, route, needs: endpoint.needs })
    throw error
  }
}

/** Credentials that are not valid are refused with what to ask a new token for, as the request would be without any. */
async function authenticate(
  deps: OciDependencies,
  request: Request,
  server: ServerHandle | undefined,
  scopes: readonly string[],
) {
  try {
    return await deps.authenticate(request, comingFrom(request, server))
  } catch (error) {
    if (!isAppError(error, 'UNAUTHORIZED')) throw error
    const isToken = /^bearer /i.test(request.headers.get('authorization') ?? '')
    throw withHeaders(error, challenge(deps, request, { scopes, error: isToken ? 'invalid_token' : undefined }))
  }
}

/**
 * GET `/v2/` (end-1). Without credentials it is 401 in any case: docker, podman and skopeo take the challenge from here only.
 * A valid token, an anonymous one too, gets 200.
 */
async function serveBase(_deps: OciDependencies, { request }: Call): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', 'Content-Length': '2' }
  return new Response(request.method === 'HEAD' ? null : '{}', { headers })
}
