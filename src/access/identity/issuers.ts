/**
 * What issuers of identity say of themselves: discovery documents and key sets, fetched by the guarded client, bounded in bytes and number.
 * A key set is asked for anew when a token names a key that it lacks, and no more often than the pause says. Anybody can name such a key, so
 * what was read last stays in use until something newer has come (`last-good.ts`).
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { JWKSNoMatchingKey } from 'jose/errors'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { parseForeignJson } from '../../lib/json.ts'
import { quoted } from '../../lib/quoted.ts'
import { discard, readText } from '../../net/bounded-body.ts'
import type { HttpClient } from '../../net/guarded-fetch.ts'
import { createLastGood } from './last-good.ts'

/** An issuer, as a provider or a rule names it. */
export interface Issuer {
  readonly url: string
  /** PEM of a CA that is trusted besides the system's. */
  readonly ca: string | null
  /** Id of the organization in whose share the requests count; undefined: the instance's. */
  readonly organization: string | undefined
}

export type IssuerMetadata = z.infer<typeof metadataSchema>

export interface IssuerDocument {
  readonly metadata: IssuerMetadata
  /** What its discovery came from decides where its other addresses may lead. */
  readonly ledBy: string
}

export interface Issuers {
  /** @throws AppError UPSTREAM_INVALID, UPSTREAM_UNAVAILABLE, ADDRESS_NOT_ALLOWED */
  describe(issuer: Issuer): Promise<IssuerDocument>
  /** Finds the key of a token. @throws as `describe`, and jose's JWKSNoMatchingKey */
  keyOf(issuer: Issuer): JWTVerifyGetKey
}

const MAX_BYTES = 256 * 1024
const MAX_KEYS = 100
const METADATA_MS = 60 * 60 * 1000
const KEYS_MS = 10 * 60 * 1000
const TIMEOUT_MS = 10_000

const endpoint = z.string().max(2048)
const metadataSchema = z.looseObject({
  issuer: z.string().max(2048),
  jwks_uri: endpoint,
  authorization_endpoint: endpoint.optional(),
  token_endpoint: endpoint.optional(),
  userinfo_endpoint: endpoint.optional(),
})
const keysSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) })

/**
 * What is wrong with an issuer's address; undefined: nothing. Plain http is for this machine alone.
 * OpenID Connect Discovery 1.0, section 3: a URL without query or fragment.
 */
export function findIssuerFault(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || text.length > 2048) return 'want the URL of an issuer, such as https://login.example.com'
  const isLocal = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)) return 'want https'
  if (url.username !== '' || url.password !== '' || /[?#\s]/.test(text)) return 'want no user name, query or fragment'
  return undefined
}

/** @param o.timeoutMs of one request, its body included */
export function createIssuers({
  http,
  clock,
  timeoutMs = TIMEOUT_MS,
}: {
  readonly http: HttpClient
  readonly clock: Clock
  readonly timeoutMs?: number
}): Issuers {
  const documents = createLastGood({ clock, lifeMs: METADATA_MS, fetch: fetchDocument })
  const keySets = createLastGood({ clock, lifeMs: KEYS_MS, fetch: fetchKeys })

  async function fetchJson(url: string, issuer: Issuer, ledBy: string | undefined, what: string) {
    const late = new AbortController()
    const timer = setTimeout(() => {
      const { host } = new URL(url)
      late.abort(
        new AppError('UPSTREAM_UNAVAILABLE', `${host} did not give ${what} within ${timeoutMs / 1000} seconds`),
      )
    }, timeoutMs)
    try {
      return await readJson(url, issuer, ledBy, what, late.signal)
    } finally {
      clearTimeout(timer)
    }
  }

  async function readJson(url: string, issuer: Issuer, ledBy: string | undefined, what: string, signal: AbortSignal) {
    const fault = findIssuerFault(url.replace(/[?#].*$/s, ''))
    if (fault !== undefined) throw new AppError('UPSTREAM_INVALID', `${what} is at ${quoted(url, 200)}: ${fault}`)
    const target = new URL(url)
    const { organization, ca } = issuer
    const response = await http.request(target, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      idleTimeoutMs: timeoutMs,
      signal,
      ledBy,
      ...(organization === undefined ? {} : { payer: { organization, registry: target.origin } }),
      ...(ca === null ? {} : { ca }),
    })
    if (response.status !== 200) {
      await discard(response)
      throw new AppError('UPSTREAM_INVALID', `${target.host} answered ${response.status} for ${what}, want 200`)
    }
    const text = await readText(response, MAX_BYTES, `${target.host}: ${what}`)
    try {
      return { value: parseForeignJson(text), ledBy: response.ledBy }
    } catch {
      throw new AppError('UPSTREAM_INVALID', `${target.host}: ${what} is not JSON`)
    }
  }

  async function fetchDocument(issuer: Issuer): Promise<IssuerDocument> {
    const what = 'the discovery document'
    const url = `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`
    const { value, ledBy } = await fetchJson(url, issuer, undefined, what)
    const parsed = metadataSchema.safeParse(value)
    if (!parsed.success) throw new AppError('UPSTREAM_INVALID', `${issuer.url}: ${what} has another shape`)
    // Discovery 1.0, section 4.3: exactly the same, or it speaks for somebody else.
    if (parsed.data.issuer !== issuer.url) {
      throw new AppError(
        'UPSTREAM_INVALID',
        `${issuer.url} says that its issuer is ${quoted(parsed.data.issuer, 200)}: name that one, if it is meant`,
      )
    }
    return { metadata: parsed.data, ledBy }
  }

  async function fetchKeys(issuer: Issuer): Promise<JWTVerifyGetKey> {
    const { metadata, ledBy } = await issuers.describe(issuer)
    const { value } = await fetchJson(metadata.jwks_uri, issuer, ledBy, 'its key set')
    const parsed = keysSchema.safeParse(value)
    if (!parsed.success) throw new AppError('UPSTREAM_INVALID', `${issuer.url}: its key set has another shape`)
    // A symmetric key in a public place is nobody's: with it anybody could sign.
    const keys = parsed.data.keys.filter(({ kty }) => kty !== 'oct')
    return createLocalJWKSet({ keys } as JSONWebKeySet)
  }

  const issuers: Issuers = {
    describe: (issuer) => documents.get(issuer),
    keyOf(issuer) {
      return async (header, token) => {
        const keys = await keySets.get(issuer)
        try {
          return await keys(header, token)
        } catch (error) {
          // Keys were rotated, or somebody has made up a name.
          if (!(error instanceof JWKSNoMatchingKey)) throw error
          const newer = await keySets.getNewer(issuer, keys)
          if (newer === undefined) throw error
          return newer(header, token)
        }
      }
    },
  }
  return issuers
}
