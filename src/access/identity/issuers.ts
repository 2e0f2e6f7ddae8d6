/**
 * What issuers of identity say of themselves: discovery documents and key sets, fetched by the guarded client, kept for a while, bounded
 * in bytes and number. A key set is asked for anew when a token names a key that it lacks, and no more often than the pause says.
 */
import { createHash } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { JWKSNoMatchingKey } from 'jose/errors'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { parseForeignJson } from '../../lib/json.ts'
import { quoted } from '../../lib/quoted.ts'
import { discard, readText } from '../../net/bounded-body.ts'
import type { HttpClient } from '../../net/guarded-fetch.ts'

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
const KEPT = 200
const METADATA_MS = 60 * 60 * 1000
const KEYS_MS = 10 * 60 * 1000
/** Between two looks at one key set, and after a failure. */
const PAUSE_MS = 30 * 1000
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

interface Kept<T> {
  readonly at: number
  readonly value: Promise<T>
  /** Set once it has failed. */
  failed?: true
}

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

export function createIssuers({ http, clock }: { readonly http: HttpClient; readonly clock: Clock }): Issuers {
  const documents = new LRUCache<string, Kept<IssuerDocument>>({ max: KEPT })
  const keySets = new LRUCache<string, Kept<JWTVerifyGetKey>>({ max: KEPT })
  const nowMs = () => clock.now().getTime()

  /** One request at a time for one key; failures are kept for the pause, so that nobody makes us ask and ask. */
  function remember<T>(kept: LRUCache<string, Kept<T>>, key: string, lifeMs: number, make: () => Promise<T>): Kept<T> {
    const known = kept.get(key)
    if (known !== undefined && nowMs() - known.at < (known.failed ? PAUSE_MS : lifeMs) && nowMs() >= known.at)
      return known
    const made: Kept<T> = { at: nowMs(), value: make() }
    made.value.catch(() => {
      made.failed = true
    })
    kept.set(key, made)
    return made
  }

  async function fetchJson(url: string, issuer: Issuer, ledBy: string | undefined, what: string) {
    const fault = findIssuerFault(url.replace(/[?#].*$/s, ''))
    if (fault !== undefined) throw new AppError('UPSTREAM_INVALID', `${what} is at ${quoted(url, 200)}: ${fault}`)
    const target = new URL(url)
    const { organization, ca } = issuer
    const response = await http.request(target, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      idleTimeoutMs: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS),
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
    describe: (issuer) => remember(documents, nameOf(issuer), METADATA_MS, () => fetchDocument(issuer)).value,
    keyOf(issuer) {
      const name = nameOf(issuer)
      const read = (lifeMs: number) => remember(keySets, name, lifeMs, () => fetchKeys(issuer))
      return async (header, token) => {
        const kept = read(KEYS_MS)
        try {
          return await (await kept.value)(header, token)
        } catch (error) {
          // Keys were rotated, or somebody has made up a name.
          if (!(error instanceof JWKSNoMatchingKey)) throw error
          const again = read(PAUSE_MS)
          if (again === kept) throw error
          return (await again.value)(header, token)
        }
      }
    },
  }
  return issuers
}

/** Of what is trusted for it too: what one trusts says nothing about it to another. */
function nameOf({ url, ca }: Issuer): string {
  return ca === null ? url : `${url} ${createHash('sha256').update(ca).digest('hex')}`
}
