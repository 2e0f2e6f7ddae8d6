/** A few questions to a registry before anything depends on it: is it one, are we let in, what can it do. */

import { AppError, isAppError } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import { discard, readExcerpt } from '../net/bounded-body.ts'
import { failureReason } from '../net/connection-failure.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import { createRequestBudgets } from '../net/request-budgets.ts'
import { parseDigest } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import type { RepositoryName } from '../oci/reference.ts'
import { DENIED_HINT } from './failure.ts'
import { createRegistryNetwork, type RegistryNetwork } from './network.ts'
import { createListingMeter, refusesSize } from './pages.ts'
import { listReferrersByApi } from './referrers.ts'
import { readCatalogPage } from './remote-registry.ts'
import { openSession, type RegistrySession } from './session.ts'
import { nameAtRegistry, nameUnderPrefix, type UpstreamAddress, type UpstreamEndpoint } from './upstream.ts'

export interface RegistryFindings {
  /** As people know it: `docker.io`, `localhost:5000`. */
  readonly host: string
  /** `Docker-Distribution-API-Version`, where it tells: `registry/2.0`. */
  readonly apiVersion: string | null
  /**
   * `accepted`: our login; `not-asked`: it lets everybody in, so that a wrong login would not show; `anonymous`: we have none and
   * need none there; `required`: we have none, and it wants one; `unknown`: it does not tell, as it is busy, or serves
   * files alone.
   */
  readonly login: 'accepted' | 'not-asked' | 'anonymous' | 'required' | 'unknown'
  /** Whether it lists its repositories to us. */
  readonly catalog: 'yes' | 'no' | 'denied' | 'unknown'
  /** Whether it has the referrers API; without it referrers are found by fallback tags. */
  readonly referrersApi: 'yes' | 'no' | 'unknown'
  /** One of its repositories, by its name under the prefix. */
  readonly repository: RepositoryName | null
}

const TIMEOUT_MS = 15_000
/** Of the first page; more of it says nothing about the registry. */
const CATALOG_LIMITS = { entries: 100_000, pageBytes: 4 * 1024 * 1024, bytes: 4 * 1024 * 1024 }
/** As much of the catalog as is looked at for a repository under the prefix. */
const CATALOG_PAGE = 1000
/** Content that no registry has. */
const NOTHING = { mediaType: MediaType.ociManifest, digest: parseDigest(`sha256:${'0'.repeat(64)}`), size: 2 }

/**
 * Asks by a session of its own, so that nothing learned before answers in the registry's place, and each question once: there is
 * somebody who waits.
 * @param within the HTTP client, with its rules on addresses, and the organization in whose share the requests count
 * @throws AppError UPSTREAM_DENIED when the login is refused, UPSTREAM_INVALID when no registry answers there, ADDRESS_NOT_ALLOWED,
 *   UPSTREAM_UNAVAILABLE
 */
export async function checkRegistry(
  within: Pick<RegistryNetwork, 'http' | 'organization'>,
  endpoint: UpstreamEndpoint,
  o: {
    readonly signal?: AbortSignal
    readonly timeoutMs?: number
    /** Called when it has answered, and asked for no silence. */
    onAnswered?(): Promise<void>
  } = {},
): Promise<RegistryFindings> {
  const budgets = createRequestBudgets({ maxTries: 1, maxWaitMs: 0 })
  const network = { ...createRegistryNetwork({ http: within.http, budgets }), organization: within.organization }
  const session = openSession(network, endpoint)
  try {
    const { login } = endpoint
    const username = login === undefined ? endpoint.username : (await login.current(o.signal))?.username
    const findings = await look(session, username, o)
    const isPaused = (await budgets.of(await session.key()).learned()).pauses.length > 0
    if (!isPaused) await o.onAnswered?.()
    return findings
  } catch (error) {
    throw await session.redacted(error)
  }
}

async function look(
  session: RegistrySession,
  username: string | undefined,
  o: { readonly signal?: AbortSignal; readonly timeoutMs?: number },
): Promise<RegistryFindings> {
  const { host } = session.address
  const { timeoutMs = TIMEOUT_MS } = o
  const late = AbortSignal.timeout(timeoutMs)
  const signal = o.signal === undefined ? late : AbortSignal.any([o.signal, late])
  const wasAsked = async () => session.network.challenges.has(await session.key())

  const base = await checkBase(session, username, wasAsked, signal).catch((error) => {
    if (!late.aborted) throw withSchemeHint(error, session.address)
    throw new AppError('UPSTREAM_UNAVAILABLE', `${host} did not answer within ${timeoutMs / 1000} seconds`, {
      cause: error,
    })
  })
  const { catalog, repository } = await checkCatalog(session, signal).catch((error) => ({
    catalog: isAppError(error, 'UPSTREAM_DENIED') ? ('denied' as const) : ('unknown' as const),
    repository: null,
  }))
  // A registry may let everybody in at the door and ask for the login further on.
  const isProven = base.login === 'not-asked' && catalog === 'yes' && (await wasAsked())
  const login = isProven ? 'accepted' : base.login
  const referrersApi = repository === null ? 'unknown' : await checkReferrers(session, repository, signal)
  return { host, apiVersion: base.apiVersion, login, catalog, referrersApi, repository }
}

/** GET `/v2/` (end-1). */
async function checkBase(
  session: RegistrySession,
  username: string | undefined,
  wasAsked: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<Pick<RegistryFindings, 'apiVersion' | 'login'>> {
  const { host, base } = session.address
  const request = { method: 'GET', url: new URL('/v2/', base), scope: '', signal, what: '/v2/' } as const
  let response: HttpResponse
  try {
    response = await session.send(request)
  } catch (error) {
    if (!isAppError(error, 'UPSTREAM_DENIED')) throw error
    // The token service gives nothing to whoever has no login.
    if (username === undefined) return { apiVersion: null, login: 'required' }
    throw loginRefused(host, username, error)
  }
  const told = response.headers.get('docker-distribution-api-version') ?? ''
  const apiVersion = /^registry\/[\d.]{1,10}$/.test(told) ? told : null
  if (response.status === 200) {
    if (!(await isRegistry(response, apiVersion))) {
      throw new AppError(
        'UPSTREAM_INVALID',
        `${host} answers GET /v2/ with a page: there is no registry at this address`,
      )
    }
    if (username === undefined) return { apiVersion, login: 'anonymous' }
    return { apiVersion, login: (await wasAsked()) ? 'accepted' : 'not-asked' }
  }
  const failure = await session.failure(response, request)
  if (failure.code === 'UPSTREAM_RATE_LIMITED') return { apiVersion, login: 'unknown' }
  if (failure.code === 'UPSTREAM_DENIED') {
    if (username === undefined) return { apiVersion, login: 'required' }
    throw loginRefused(host, username, failure)
  }
  if (failure.code === 'UPSTREAM_UNAVAILABLE') throw failure
  // Files on a web server have no `/v2/`; what refuses it in the words of the specification is a registry all the same.
  if (isRegistryError(failure)) return { apiVersion, login: 'unknown' }
  throw new AppError('UPSTREAM_INVALID', `${failure.message}: there is no registry at this address`, {
    detail: failure.detail,
    cause: failure,
  })
}

/** The body of distribution-spec "Error Codes". */
function isRegistryError({ detail }: AppError): boolean {
  try {
    const { errors } = parseForeignJson((detail as { body: string }).body) as { errors?: { code?: unknown }[] }
    return Array.isArray(errors) && typeof errors[0]?.code === 'string'
  } catch {
    return false
  }
}

/** What a server of plain http says to a TLS handshake is no TLS. */
function withSchemeHint(error: unknown, { base }: UpstreamAddress): unknown {
  if (failureReason(error) !== 'tls' || !isAppError(error)) return error
  if ((error.cause as { code?: unknown } | undefined)?.code !== 'EPROTO') return error
  return new AppError(error.code, `${error.message}: if it speaks plain http, its address is http://${base.host}`, {
    detail: error.detail,
    cause: error,
  })
}

/** The header is Docker's; the specification wants a 200 alone, and registries send an empty object or nothing with it. */
async function isRegistry(response: HttpResponse, apiVersion: string | null): Promise<boolean> {
  const body = await readExcerpt(response)
  return apiVersion !== null || /^\s*(\{|$)/.test(body)
}

function loginRefused(host: string, username: string, cause: AppError): AppError {
  const told = cause.message.replace(`${host}: `, '').replace(DENIED_HINT, '')
  return new AppError('UPSTREAM_DENIED', `${host} refuses the login of ${username}: ${told}`, {
    detail: cause.detail,
    cause,
  })
}

async function checkCatalog(
  session: RegistrySession,
  signal: AbortSignal,
): Promise<Pick<RegistryFindings, 'catalog' | 'repository'>> {
  const { address } = session
  const headers = { accept: 'application/json' }
  const request = { method: 'GET', scope: 'registry:catalog:*', signal, what: 'catalog', headers } as const
  let response = await session.send({ ...request, url: new URL(`/v2/_catalog?n=${CATALOG_PAGE}`, address.base) })
  if (refusesSize(response)) {
    await discard(response)
    response = await session.send({ ...request, url: new URL('/v2/_catalog', address.base) })
  }
  if (response.status !== 200) {
    await discard(response)
    if (response.status === 401 || response.status === 403) return { catalog: 'denied', repository: null }
    const isAbsent = response.status === 404 || response.status === 405
    return { catalog: isAbsent ? 'no' : 'unknown', repository: null }
  }
  const title = `${address.host}: catalog`
  const { items } = await readCatalogPage(response, title, createListingMeter(title, CATALOG_LIMITS))
  const repository = items.map((name) => nameUnderPrefix(address, name)).find((name) => name !== undefined) ?? null
  // A list may repeat anything that it was asked with.
  return { catalog: 'yes', repository: repository !== null && (await session.isPlain(repository)) ? repository : null }
}

async function checkReferrers(
  session: RegistrySession,
  repository: RepositoryName,
  signal: AbortSignal,
): Promise<RegistryFindings['referrersApi']> {
  try {
    const name = nameAtRegistry(session.address, repository)
    const listed = await listReferrersByApi(session, name, NOTHING, { signal, hasApi: false })
    // Not to know the repository or the subject says nothing about the API.
    if (listed === 'absent' || listed === 'unauthorized') return 'unknown'
    return listed === 'unsupported' ? 'no' : 'yes'
  } catch {
    return 'unknown'
  }
}
