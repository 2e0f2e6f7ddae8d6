/** How the libraries of clouds ask their services: by our client, which the address guard holds. */
import { AppError, isAppError } from '../../errors.ts'
import { readBytes } from '../../net/bounded-body.ts'
import type { HttpClient, HttpRequest } from '../../net/guarded-fetch.ts'

export interface ExchangeRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

export interface ExchangeAnswer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

/** The requests of one attempt to sign in. */
export interface Exchange {
  /** @throws AppError as `HttpClient.request`, and UPSTREAM_INVALID for an answer that is too large */
  send(url: URL, request: ExchangeRequest): Promise<ExchangeAnswer>
  /** What came last, which libraries hide behind words of their own. */
  readonly last: { readonly status?: number; readonly failure?: AppError } | undefined
}

/** Tokens and metadata are small. */
const MAX_ANSWER_BYTES = 1024 * 1024
/** What the client says of itself, and what would be wrong once it has done so. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['host', 'content-length', 'connection', 'accept-encoding'])
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT'])

/** @param timeout the end of all of it */
export function openExchange(
  http: HttpClient,
  trust: Pick<HttpRequest, 'ca' | 'plainHttp'>,
  timeout?: AbortSignal,
): Exchange {
  let last: Exchange['last']
  return {
    get last() {
      return last
    },
    async send(url, { method, headers, body, signal }) {
      try {
        if (!METHODS.has(method)) throw new AppError('UPSTREAM_UNSUPPORTED', `${url.host}: no ${method} signs in`)
        const own = Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name.toLowerCase()))
        const request: HttpRequest = {
          ...trust,
          method: method as 'GET' | 'HEAD' | 'POST' | 'PUT',
          headers: Object.fromEntries(own),
          ...within(timeout, signal),
          redirect: 'manual',
          ...bodyOf(body, url),
        }
        const response = await http.request(url, request)
        const bytes = await readBytes(response, MAX_ANSWER_BYTES, `${url.host}: the answer to a sign-in`)
        last = { status: response.status }
        return { status: response.status, headers: response.headers, bytes }
      } catch (error) {
        if (isAppError(error)) last = { failure: error }
        throw error
      }
    },
  }
}

function within(...signals: (AbortSignal | undefined)[]): Pick<HttpRequest, 'signal'> {
  const given = signals.filter((one) => one !== undefined)
  return given.length === 0 ? {} : { signal: AbortSignal.any(given) }
}

function bodyOf(body: unknown, url: URL): Pick<HttpRequest, 'body'> {
  if (body === undefined || body === null || body === '') return {}
  if (typeof body === 'string') return { body }
  if (body instanceof URLSearchParams) return { body: body.toString() }
  if (body instanceof Uint8Array) return { body: new Uint8Array(body) }
  throw new AppError('UPSTREAM_UNSUPPORTED', `${url.host}: a sign-in that is neither text nor bytes`)
}
