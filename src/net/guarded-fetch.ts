import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { type AddressPolicy, policyAfter } from './address-guard.ts'
import { discard } from './bounded-body.ts'
import { connectionFailure, unavailable } from './connection-failure.ts'
import { dial, type Lookup, lookupSystem, rememberLookups } from './dial.ts'
import { emptyBody, idleBody, LEAST_BYTES } from './idle-body.ts'
import { type Payer, sharesOf } from './payer.ts'
import { nextHop } from './redirect.ts'
import { type BodyListener, bodyToSend, isStreamed, type RequestBody } from './sent-body.ts'
import { bulkOf, createSlots, type Lane } from './slots.ts'

export interface RequestEnd {
  /** Of the body, as far as it was read. */
  readonly bytes: number
  /** The body broke off or became too slow, and nobody here has ended it. */
  readonly isBroken: boolean
}

export interface HttpRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  readonly signal?: AbortSignal
  /** The longest silence before the headers and between two chunks of the body, of what is sent too. */
  readonly idleTimeoutMs?: number
  /** The same for the headers once a streamed body is taken: some of it is under way still. `idleTimeoutMs` when left out. */
  readonly answerTimeoutMs?: number
  /** PEM of a CA that is trusted besides the system's. */
  readonly ca?: string
  /** Allows http to hosts other than loopback. */
  readonly plainHttp?: boolean
  /** `follow` any, at most 10, GET and HEAD only; `same-origin`: hand others to the caller; `manual`: hand all to the caller. */
  readonly redirect?: 'follow' | 'same-origin' | 'manual'
  readonly lane?: Lane
  /** Without one the request counts in no share. */
  readonly payer?: Payer | undefined
  /** `ledBy` of the answer that led here (a token realm, a link to the next page): a public one leads to public addresses only. */
  readonly ledBy?: string | undefined
  /** It has its place, and is sent; again when the last of its streamed body is. */
  readonly onBegin?: () => void
  /** Called once, when the request is over: its body read or cancelled, or the request failed. */
  readonly onEnd?: (end: RequestEnd) => void
  /** Hears of the bytes of the body as they arrive. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  /** Must be read to its end or cancelled: the request counts as in flight until then. */
  readonly body: ReadableStream<Uint8Array>
  /** Where the answer came from, after redirects. */
  readonly url: URL
  readonly address: string
  /** What decides where this answer may lead: the first public address on the way to it, else `address`. */
  readonly ledBy: string
}

export interface HttpClient {
  /**
   * Sends a request and resolves when the headers have come, whatever the status.
   * @throws AppError ADDRESS_NOT_ALLOWED, UPSTREAM_UNAVAILABLE (`detail.reason` says why), UPSTREAM_INVALID, CANCELLED
   */
  request(url: URL, request?: HttpRequest): Promise<HttpResponse>
  readonly inFlight: number
}

export interface HttpClientOptions {
  readonly policy: AddressPolicy
  readonly lookup?: Lookup
  /** Bun's fetch has 256 in flight per process, half-read bodies included; above that it hangs. */
  readonly maxInFlight?: number
  readonly userAgent?: string
  /** For requests that name none of their own; 30 s when left out. */
  readonly idleTimeoutMs?: number
}

const DEFAULT_IDLE_TIMEOUT_MS = 30_000
const MAX_REDIRECTS = 10

/** The client that every outgoing request passes. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const total = options.maxInFlight ?? 200
  const slots = createSlots({ total, bulk: bulkOf(total) })
  const lookup = rememberLookups(options.lookup ?? lookupSystem)
  const userAgent = options.userAgent ?? 'kagami'

  async function follow(start: URL, request: HttpRequest, flight: Flight): Promise<HttpResponse> {
    let url = start
    let policy = request.ledBy === undefined ? options.policy : policyAfter(request.ledBy, options.policy)
    const headers = new Headers({ 'user-agent': userAgent, 'accept-encoding': 'identity', ...request.headers })
    const { body } = request
    if (isStreamed(body)) headers.set('content-length', String(body.lengthBytes))
    for (let hops = 0; ; hops++) {
      const { response, address } = await flight.awaitHeaders(url, (signal, listener) =>
        dial(url, {
          method: request.method ?? 'GET',
          headers,
          body: () => (isStreamed(body) ? (body.lengthBytes === 0 ? '' : bodyToSend(body, listener)) : body),
          signal,
          ca: request.ca,
          plainHttp: request.plainHttp ?? false,
          policy,
          lookup,
        }),
      )
      policy = policy.ledBy === undefined ? policyAfter(address, policy) : policy
      const ledBy = policy.ledBy ?? address
      const next = nextHop(url, response, request)
      if (next === undefined) return flight.answer({ url, address, ledBy }, response, request.method === 'HEAD')
      if (hops === MAX_REDIRECTS) {
        throw new AppError('UPSTREAM_INVALID', `${start.host} redirects more than ${MAX_REDIRECTS} times`)
      }
      await discard({ body: response.body ?? emptyBody() })
      if (next.origin !== url.origin) for (const name of ['authorization', 'cookie']) headers.delete(name)
      url = next
    }
  }

  return {
    get inFlight() {
      return slots.inUse
    },
    async request(url, request = {}) {
      const { lane = 'small', signal, payer } = request
      const release = await slots.acquire(lane, signal, sharesOf(payer, total)).catch((error) => {
        request.onEnd?.({ bytes: 0, isBroken: false })
        throw error
      })
      request.onBegin?.()
      const idleTimeoutMs = request.idleTimeoutMs ?? options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS
      const answerTimeoutMs = request.answerTimeoutMs ?? idleTimeoutMs
      const flight = openFlight({ ...request, idleTimeoutMs, answerTimeoutMs }, (end) => {
        release()
        request.onEnd?.(end)
      })
      try {
        return await follow(url, request, flight)
      } catch (error) {
        flight.abort(error)
        flight.end()
        throw request.signal?.aborted ? cancelledBy(request.signal) : error
      }
    },
  }
}

interface Flight {
  awaitHeaders<T>(url: URL, work: (signal: AbortSignal, body: BodyListener) => Promise<T>): Promise<T>
  answer(from: Pick<HttpResponse, 'url' | 'address' | 'ledBy'>, response: Response, isHead: boolean): HttpResponse
  abort(reason: unknown): void
  end(): void
}

/** One request from its slot to the end of its body, redirects included. */
function openFlight(
  request: Pick<HttpRequest, 'signal' | 'onBegin' | 'onBytes'> & {
    readonly idleTimeoutMs: number
    readonly answerTimeoutMs: number
  },
  release: (end: RequestEnd) => void,
): Flight {
  const { signal: outer, idleTimeoutMs, onBytes } = request
  const inner = new AbortController()
  const stop = () => {
    inner.abort(cancelledBy(outer))
    end()
  }
  let ended = false
  let bytes = 0
  let isBroken = false
  /** It was answered before all of its body was taken: the connection is of no use to another request. */
  let isCutShort = false
  function end() {
    if (ended) return
    ended = true
    outer?.removeEventListener('abort', stop)
    if (isCutShort) inner.abort(new AppError('CANCELLED', 'answered before all was sent'))
    release({ bytes, isBroken })
  }
  outer?.addEventListener('abort', stop, { once: true })
  if (outer?.aborted) stop()
  return {
    abort: (reason) => inner.abort(reason),
    end,
    async awaitHeaders(url, work) {
      const { host } = url
      let timer: ReturnType<typeof setTimeout> | undefined
      const wait = (ms: number, what: string) => {
        clearTimeout(timer)
        timer = setTimeout(() => inner.abort(unavailable('timeout', `${host} ${what} within ${ms} ms`, { host })), ms)
      }
      let isWaiting = true
      const listener: BodyListener = {
        onAsked() {
          isCutShort = true
          clearTimeout(timer)
        },
        onTaken(isLast) {
          if (!isWaiting) return
          isCutShort = !isLast
          if (isLast) request.onBegin?.()
          if (isLast) wait(request.answerTimeoutMs, 'did not answer what was sent')
          else wait(idleTimeoutMs, 'took nothing more of what was sent')
        },
        onFailure: (error) => inner.abort(error),
      }
      wait(idleTimeoutMs, 'did not answer')
      try {
        return await work(inner.signal, listener)
      } catch (error) {
        throw inner.signal.aborted ? inner.signal.reason : error
      } finally {
        isWaiting = false
        clearTimeout(timer)
      }
    },
    answer(from, response, isHead) {
      const { url, address } = from
      const { status, headers, body } = response
      if (body === null || isHead) {
        end()
        return { ...from, status, headers, body: emptyBody() }
      }
      const guarded = idleBody(body, {
        idleTimeoutMs,
        lengthBytes: lengthOf(headers),
        abort: (reason) => inner.abort(reason),
        release: end,
        onBytes(more) {
          bytes += more
          onBytes?.(more)
        },
        timedOut: (bytes) =>
          unavailable('timeout', `${url.host} went silent for ${idleTimeoutMs} ms after ${bytes} bytes`, {
            host: url.host,
          }),
        tooSlow: (bytes, ms) =>
          unavailable('timeout', `${url.host} sent ${bytes} bytes in ${ms} ms, want ${LEAST_BYTES} at least`, {
            host: url.host,
          }),
        failure(error) {
          isBroken = outer?.aborted !== true
          return inner.signal.aborted ? inner.signal.reason : connectionFailure(error, url, address)
        },
      })
      return { ...from, status, headers, body: guarded }
    },
  }
}

/** A chunked body has no length, whatever a header says (RFC 9112 section 6.3). */
function lengthOf(headers: Headers): number | undefined {
  const length = headers.get('content-length')
  return length !== null && /^\d{1,15}$/.test(length) && !headers.has('transfer-encoding') ? Number(length) : undefined
}

/**
 * Bun's fetch sends requests through the proxy that these variables name, past the address guard: the composition root
 * calls this once at start with the process's environment.
 */
export function removeProxyVariables(environment: Record<string, string | undefined>): void {
  for (const name of Object.keys(environment)) {
    if (/^(https?|all|no)_proxy$/i.test(name)) delete environment[name]
  }
}
