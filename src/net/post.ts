/**
 * One POST to an address that a tenant has named: webhooks. It shares nothing with the requests to registries: connections of its own by
 * `node:https`, outside of their slots and budgets, never through a proxy, and little of an answer is read.
 */

import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { isIP } from 'node:net'
import { rootCertificates } from 'node:tls'
import { LRUCache } from 'lru-cache'
import { AppError, isAppError } from '../errors.ts'
import { cancelledBy, orAborted } from '../lib/abort.ts'
import { clipped } from '../lib/quoted.ts'
import { type AddressPolicy, isAddressAllowed, policyAfter } from './address-guard.ts'
import { explainCertificate } from './certificate-fault.ts'
import { explainFailure, type FailureReason, isNextAddressWorthATry, unavailable } from './connection-failure.ts'
import { type Lookup, lookupSystem, rememberLookups } from './dial.ts'

export interface PostRequest {
  /** Sent to the first address; `own` go nowhere else, whatever redirects say. */
  readonly headers: Readonly<Record<string, string>>
  readonly own: Readonly<Record<string, string>>
  readonly body: string
  /** Allows http, to this machine too. */
  readonly plainHttp: boolean
  readonly signal: AbortSignal
  /** Called when the request has left, before any redirect; not when it never does. */
  readonly onSent?: () => void
}

export interface PostAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The first KiB of its body, as text. */
  readonly excerpt: string
  /** Where it came from, after redirects. */
  readonly url: URL
}

export interface Poster {
  /**
   * @throws AppError ADDRESS_NOT_ALLOWED, UPSTREAM_UNAVAILABLE (`detail.reason`), UPSTREAM_INVALID (a redirect that is not followed),
   *   CANCELLED; the message is for people, and names no more than the host
   */
  post(url: URL, request: PostRequest): Promise<PostAnswer>
  close(): void
}

/** Times of one POST, in milliseconds. */
export interface PostTimes {
  readonly connectMs: number
  /** Until the head of the answer, redirects included. */
  readonly headMs: number
  /** For what is read of its body, after the head. */
  readonly bodyMs: number
}

export interface PosterOptions {
  readonly policy: AddressPolicy
  readonly lookup?: Lookup
  readonly times?: PostTimes
  /** PEM of a CA that is trusted besides the usual ones. */
  readonly ca?: string
}

export const POST_TIMES: PostTimes = { connectMs: 10_000, headMs: 20_000, bodyMs: 5_000 }
const EXCERPT_BYTES = 1024
/** What is read at most, so that the connection can be used again. */
const DRAINED_BYTES = 64 * 1024
const MAX_REDIRECTS = 3
const IDLE_SOCKET_MS = 15_000
/** Hosts whose connections are kept. */
const MAX_AGENTS = 200

export function createPoster(o: PosterOptions): Poster {
  const lookup = rememberLookups(o.lookup ?? lookupSystem)
  const times = o.times ?? POST_TIMES
  const ca = o.ca === undefined ? undefined : [o.ca, ...rootCertificates]
  // By name and address: a connection that was made for one name serves no other.
  const agents = new LRUCache<string, PlainAgent | TlsAgent>({ max: MAX_AGENTS, dispose: (agent) => agent.destroy() })

  function agentOf(url: URL, address: string): PlainAgent | TlsAgent {
    const key = `${url.origin} ${address}`
    const known = agents.get(key)
    if (known !== undefined) return known
    const kept = { keepAlive: true, keepAliveMsecs: IDLE_SOCKET_MS, maxSockets: Number.POSITIVE_INFINITY }
    const agent = url.protocol === 'https:' ? new TlsAgent(kept) : new PlainAgent(kept)
    agents.set(key, agent)
    return agent
  }

  async function send(
    url: URL,
    address: string,
    request: PostRequest,
    headers: Record<string, string>,
    left: number,
    isFresh = false,
  ): Promise<IncomingMessage> {
    const host = hostOf(url)
    const isTls = url.protocol === 'https:'
    const options: RequestOptions & { servername?: string; ca?: string[] } = {
      method: 'POST',
      host: address,
      port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host, 'content-length': String(Buffer.byteLength(request.body)) },
      agent: isFresh ? false : agentOf(url, address),
      // RFC 6066 section 3: no literal addresses in SNI; the certificate is then checked against the address.
      ...(isTls && isIP(host) === 0 ? { servername: host } : {}),
      ...(isTls && ca !== undefined ? { ca } : {}),
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const sent: ClientRequest = (isTls ? tlsRequest : plainRequest)(options, resolve)
    const give = (reason: FailureReason, words: string) => {
      reject(unavailable(reason, words, { host: url.host }))
      sent.destroy()
    }
    const connecting = setTimeout(
      () => give('timeout', `no connection to ${url.host} within ${seconds(times.connectMs)}`),
      Math.min(times.connectMs, left),
    )
    const waiting = setTimeout(() => give('timeout', `no answer within ${seconds(times.headMs)}`), left)
    const stop = () => {
      reject(cancelledBy(request.signal))
      sent.destroy()
    }
    request.signal.addEventListener('abort', stop, { once: true })
    sent.on('socket', (socket) => {
      const connected = () => clearTimeout(connecting)
      if (socket.connecting) socket.once(isTls ? 'secureConnect' : 'connect', connected)
      else connected()
    })
    sent.on('error', reject)
    sent.on('finish', () => request.onSent?.())
    sent.end(request.body)
    try {
      return await promise
    } catch (error) {
      if (isAppError(error)) throw error
      // The receiver was about to close a connection that it had left open.
      const isStale = sent.reusedSocket === true && !isFresh && explainFailure(error, url).reason === 'reset'
      if (isStale) return await send(url, address, request, headers, left, true)
      throw await failureOf(error, url, address)
    } finally {
      clearTimeout(connecting)
      clearTimeout(waiting)
      request.signal.removeEventListener('abort', stop)
    }
  }

  async function failureOf(error: unknown, url: URL, address: string): Promise<AppError> {
    const { reason, phrase } = explainFailure(error, url)
    const detail = { host: url.host, address }
    if (reason !== 'tls') return unavailable(reason, phrase, detail, error)
    const words = await explainCertificate({ address, port: Number(url.port || 443), host: hostOf(url), ca })
    return unavailable(reason, words ?? phrase, detail, error)
  }

  return {
    async post(start, request) {
      let url = start
      let policy = o.policy
      const until = performance.now() + times.headMs
      for (let hops = 0; ; hops++) {
        if (request.signal.aborted) throw cancelledBy(request.signal)
        const addresses = await resolve(url, request, policy, (o) => lookUp(o, request.signal, lookup, times.connectMs))
        const headers = { ...request.headers, ...(url.origin === start.origin ? request.own : {}) }
        const { answer, address } = await sendToOne(addresses, (one) =>
          send(url, one, request, headers, Math.max(1, until - performance.now())),
        )
        const next = redirectOf(url, answer)
        if (next === undefined) return await read(answer, url, times.bodyMs)
        answer.destroy()
        if (hops === MAX_REDIRECTS) throw refused(`it redirects more than ${MAX_REDIRECTS} times`)
        policy = policyAfter(address, policy)
        url = next
      }
    },
    close: () => agents.clear(),
  }
}

/** One address after the other, as long as nothing could be sent. @param addresses at least one */
async function sendToOne<T>(
  addresses: readonly string[],
  send: (address: string) => Promise<T>,
): Promise<{ readonly answer: T; readonly address: string }> {
  for (const [at, address] of addresses.entries()) {
    try {
      return { answer: await send(address), address }
    } catch (error) {
      if (at === addresses.length - 1 || !isAppError(error) || !isNextAddressWorthATry(error)) throw error
    }
  }
  throw new Error('want an address')
}

/** The addresses of the host, at least one, once all of them are allowed. */
async function resolve(
  url: URL,
  request: PostRequest,
  policy: AddressPolicy,
  lookup: Lookup,
): Promise<readonly string[]> {
  if (url.protocol === 'http:' && !request.plainHttp) {
    throw refused(`${clipped(url.host, 100)} is asked for over plain http, want https or --plain-http`)
  }
  const host = hostOf(url)
  const addresses = isIP(host) === 0 ? await lookup(host) : [host]
  for (const address of addresses) {
    if (isAddressAllowed(address, policy)) continue
    const led = policy.ledBy === undefined ? '' : `, and a public address (${policy.ledBy}) led there`
    const why = policy.ledBy === undefined ? ': KAGAMI_ALLOW_NETWORKS' : ''
    throw new AppError('ADDRESS_NOT_ALLOWED', `private address ${address} is not allowed${led}${why}`, {
      detail: { host, address },
    })
  }
  if (addresses.length === 0) throw unavailable('dns', `the name ${host} has no address`, { host })
  return addresses
}

async function lookUp(
  host: string,
  signal: AbortSignal,
  lookup: Lookup,
  timeoutMs: number,
): Promise<readonly string[]> {
  const late = AbortSignal.timeout(timeoutMs)
  try {
    return await orAborted(lookup(host), AbortSignal.any([signal, late]))
  } catch (error) {
    if (signal.aborted) throw cancelledBy(signal)
    if (late.aborted)
      throw unavailable('dns', `the name ${host} does not resolve within ${seconds(timeoutMs)}`, { host })
    const isAbsent = (error as { code?: unknown }).code === 'ENOTFOUND'
    throw unavailable(isAbsent ? 'not-found' : 'dns', `the name ${host} does not resolve`, { host }, error)
  }
}

/** Where a redirect leads that keeps method and body. @throws AppError UPSTREAM_INVALID for any other, which would lose them */
function redirectOf(from: URL, { statusCode: status = 0, headers }: IncomingMessage): URL | undefined {
  if (status < 300 || status >= 400 || headers.location === undefined) return undefined
  const to = URL.parse(headers.location, from.href)
  const where = to === null ? 'nowhere' : clipped(to.host, 100)
  if (status !== 307 && status !== 308) {
    throw refused(`it answers ${status} and sends elsewhere (${where}): give the webhook the address where it leads`)
  }
  if (to === null || (to.protocol !== 'https:' && to.protocol !== 'http:'))
    throw refused(`it redirects to what is no http(s) address`)
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw refused(`it redirects from https to plain http at ${where}`)
  to.username = ''
  to.password = ''
  return to
}

function refused(words: string): AppError {
  return new AppError('UPSTREAM_INVALID', words)
}

/** What has come of the body when its end, the limit or the time is reached; a body that breaks off is no failure: the status has come. */
async function read(answer: IncomingMessage, url: URL, timeoutMs: number): Promise<PostAnswer> {
  const chunks: Buffer[] = []
  let [kept, bytes] = [0, 0]
  await new Promise<void>((resolve) => {
    const timer = setTimeout(cut, timeoutMs)
    function cut() {
      answer.destroy()
      end()
    }
    function end() {
      clearTimeout(timer)
      resolve()
    }
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (kept < EXCERPT_BYTES) {
        chunks.push(Buffer.from(chunk.subarray(0, EXCERPT_BYTES - kept)))
        kept += chunk.length
      }
      if (bytes > DRAINED_BYTES) cut()
    })
    answer.on('end', end)
    answer.on('error', end)
    answer.on('close', end)
  })
  const headers = Object.entries(answer.headers).map(([name, value]) => [name, [value].flat().join(', ')] as const)
  const excerpt = new TextDecoder().decode(Buffer.concat(chunks))
  return { status: answer.statusCode ?? 0, headers: Object.fromEntries(headers), excerpt, url }
}

/** The host without port, and without the brackets of an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
