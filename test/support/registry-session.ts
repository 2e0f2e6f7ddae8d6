// One authenticated connection to a registry, written against the specifications alone: requests, challenges, tokens.
import { Buffer } from 'node:buffer'

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface RegistryAccess {
  /** Absent: anonymous, which still takes an anonymous bearer token when the registry offers one. */
  readonly credentials?: Credentials | undefined
  /** PEM of a private certificate authority. */
  readonly ca?: string | undefined
}

export interface RegistryRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  /** Actions on the repository that a bearer token should have, such as `pull,push`. */
  readonly actions: string
  readonly signal?: AbortSignal
}

export interface RegistryAnswer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

export interface RegistrySession {
  readonly url: string
  /** `pathOrUrl` is `/v2/…` or what a Location said. An answer of any status is returned; only transport errors throw. */
  send(pathOrUrl: string, request: RegistryRequest): Promise<RegistryAnswer>
}

interface Challenge {
  readonly scheme: string
  readonly parameters: ReadonlyMap<string, string>
}

/** Parses one `WWW-Authenticate` header (RFC 9110 §11.6.1, token.md of the distribution project). */
export function parseChallenge(header: string): Challenge {
  const space = header.indexOf(' ')
  const scheme = (space < 0 ? header : header.slice(0, space)).toLowerCase()
  const parameters = new Map<string, string>()
  for (const [, key = '', quoted, bare] of header.matchAll(/([\w-]+)=(?:"([^"]*)"|([^,\s]+))/g)) {
    parameters.set(key.toLowerCase(), quoted ?? bare ?? '')
  }
  return { scheme, parameters }
}

const basic = (credentials: Credentials) =>
  `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`

/** A session for one repository; it remembers its tokens and forgets one that is refused. */
export function openSession(registryUrl: string, repository: string, access: RegistryAccess = {}): RegistrySession {
  const url = registryUrl.replace(/\/+$/, '')
  const authorizations = new Map<string, string>()
  const tls = access.ca === undefined ? {} : { tls: { ca: access.ca } }

  const exchange = async (target: URL, init: RequestInit): Promise<RegistryAnswer> => {
    // Raw bytes and hand-made redirects: what is on the wire is what is judged.
    const response = await fetch(target, { ...init, ...tls, decompress: false, redirect: 'manual' })
    return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) }
  }

  const answerChallenge = async (header: string, actions: string): Promise<string | undefined> => {
    const { scheme, parameters } = parseChallenge(header)
    if (scheme === 'basic') return access.credentials ? basic(access.credentials) : undefined
    if (scheme !== 'bearer') throw new Error(`want a Basic or Bearer challenge from ${url}, got ${header}`)
    const realm = new URL(parameters.get('realm') ?? '')
    const service = parameters.get('service')
    if (service !== undefined) realm.searchParams.set('service', service)
    for (const scope of parameters.get('scope')?.split(' ') ?? [`repository:${repository}:${actions}`]) {
      realm.searchParams.append('scope', scope)
    }
    const headers: Record<string, string> = access.credentials ? { authorization: basic(access.credentials) } : {}
    const { status, bytes } = await exchange(realm, { headers })
    if (status !== 200) return undefined
    const document: { token?: string; access_token?: string } = JSON.parse(new TextDecoder().decode(bytes))
    const token = document.access_token ?? document.token
    if (token === undefined) throw new Error(`want a token from ${realm.origin}, got ${Object.keys(document)}`)
    return `Bearer ${token}`
  }

  const send = async (pathOrUrl: string, request: RegistryRequest): Promise<RegistryAnswer> => {
    const target = new URL(pathOrUrl, `${url}/`)
    const once = (to: URL) => {
      const headers: Record<string, string> = { 'accept-encoding': 'identity', ...request.headers }
      const authorization = authorizations.get(request.actions)
      // Another origin (a redirect to storage) must never see our credentials.
      if (authorization !== undefined && to.origin === new URL(url).origin) headers.authorization = authorization
      const init: RequestInit = { method: request.method ?? 'GET', headers }
      // The DOM's type excludes shared memory, which no caller has.
      if (request.body !== undefined) init.body = request.body as Uint8Array<ArrayBuffer>
      if (request.signal) init.signal = request.signal
      return exchange(to, init)
    }
    let answer = await once(target)
    if (answer.status === 401) {
      const header = answer.headers.get('www-authenticate')
      const authorization = header === null ? undefined : await answerChallenge(header, request.actions)
      if (authorization === undefined) return answer
      authorizations.set(request.actions, authorization)
      answer = await once(target)
    }
    const location = answer.headers.get('location')
    const redirected = [301, 302, 303, 307, 308].includes(answer.status) && location !== null
    return redirected && request.body === undefined ? once(new URL(location, target)) : answer
  }
  return { url, send }
}
