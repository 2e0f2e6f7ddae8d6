/** The library that speaks OpenID Connect, over our guarded client: what it knows of the provider is what `issuers.ts` has read. */
import type * as client from 'openid-client'
import type { ProviderRecord } from '../../db/people/identity-providers.ts'
import { AppError, isAppError } from '../../errors.ts'
import { lazily } from '../../lib/lazily.ts'
import { printableLine } from '../../lib/printable.ts'
import { clipped } from '../../lib/quoted.ts'
import type { Sealer } from '../../lib/seal.ts'
import { readBytes } from '../../net/bounded-body.ts'
import type { HttpClient } from '../../net/guarded-fetch.ts'
import { findIssuerFault, type Issuer, type Issuers } from './issuers.ts'
import { CLIENT_SECRET } from './providers.ts'

/** Loaded by the first who signs in by a provider. */
export const openidClient = lazily(() => require('openid-client') as typeof import('openid-client'))

const MAX_BYTES = 256 * 1024
const TIMEOUT_SECONDS = 10

export interface ProviderClientDeps {
  readonly http: HttpClient
  readonly issuers: Issuers
  readonly sealer: Sealer
}

export function issuerOf({ issuer, ca, organization_id }: ProviderRecord): Issuer {
  return { url: issuer, ca, organization: organization_id ?? undefined }
}

/** @throws what `Issuers` throws */
export async function openProvider(deps: ProviderClientDeps, provider: ProviderRecord): Promise<client.Configuration> {
  const issuer = issuerOf(provider)
  const { metadata, ledBy } = await deps.issuers.describe(issuer)
  const sealed = provider.sealed_client_secret
  const secret = sealed === null ? undefined : deps.sealer.unseal(sealed, CLIENT_SECRET).reveal()
  const server = metadata as client.ServerMetadata
  const configuration = new (openidClient().Configuration)(
    server,
    provider.client_id,
    {},
    authenticationOf(server, secret),
  )
  configuration.timeout = TIMEOUT_SECONDS
  configuration[openidClient().customFetch] = guardedFetch(deps.http, issuer, ledBy)
  // Of this machine alone: anything else was refused when the issuer was added, and is at each request.
  if (provider.issuer.startsWith('http:')) openidClient().allowInsecureRequests(configuration)
  return configuration
}

/** OpenID Connect Core 1.0, section 9: Basic, where the provider names no others. */
function authenticationOf(server: client.ServerMetadata, secret: string | undefined): client.ClientAuth {
  if (secret === undefined) return openidClient().None()
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  return methods.includes('client_secret_basic') || !methods.includes('client_secret_post')
    ? openidClient().ClientSecretBasic(secret)
    : openidClient().ClientSecretPost(secret)
}

/** @throws AppError as the client does, and UPSTREAM_UNAVAILABLE when the time is up that the library gives */
export function guardedFetch(http: HttpClient, { ca, organization }: Issuer, ledBy: string): client.CustomFetch {
  return async (address, { method, headers, body, signal }) => {
    const url = new URL(address)
    const fault = findIssuerFault(`${url.origin}${url.pathname}`)
    if (fault !== undefined) throw new AppError('UPSTREAM_INVALID', `the provider leads to ${url.origin}: ${fault}`)
    const asked = http.request(url, {
      method: method as 'GET' | 'POST',
      headers,
      redirect: 'manual',
      ledBy,
      ...(body === undefined || body === null ? {} : { body: String(body) }),
      ...(signal === undefined ? {} : { signal }),
      ...(organization === undefined ? {} : { payer: { organization, registry: url.origin } }),
      ...(ca === null ? {} : { ca }),
    })
    const answer = async () => {
      const response = await asked
      return { response, bytes: await readBytes(response, MAX_BYTES, `${url.host}: its answer`) }
    }
    const { response, bytes } = await answer().catch((error) => {
      // Whose time is up is the provider: nobody has cancelled anything.
      if (!signal?.aborted) throw error
      throw new AppError('UPSTREAM_UNAVAILABLE', `${url.host} did not answer within ${TIMEOUT_SECONDS} seconds`)
    })
    const isEmpty = [101, 204, 205, 304].includes(response.status)
    return new Response(isEmpty ? null : (bytes as BodyInit), { status: response.status, headers: response.headers })
  }
}

/** Words for whoever signs in; undefined: a bug. The causes of the library's errors hold tokens: nothing of them is told but names. */
export function explainFailure(error: unknown): string | undefined {
  if (isAppError(error)) return error.message
  if (error instanceof openidClient().AuthorizationResponseError || error instanceof openidClient().ResponseBodyError) {
    const described = error.error_description === undefined ? '' : ` (${clipped(error.error_description, 200)})`
    return printableLine(`it answered ${clipped(error.error, 100)}${described}`)
  }
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown }
  if (isAppError(cause)) return cause.message
  const { claim } = Object((Object(cause) as Error).cause) as { claim?: unknown }
  if (typeof code !== 'string') return undefined
  switch (code) {
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
      return `the claim ${String(claim)} of its ID token is not right`
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return 'its ID token has expired, or is not valid yet'
    case 'OAUTH_INVALID_RESPONSE':
      return 'its answer is not one to this sign-in'
    case 'OAUTH_TIMEOUT':
      return 'it did not answer in time'
    default:
      return 'its answer is not as OpenID Connect wants it'
  }
}
