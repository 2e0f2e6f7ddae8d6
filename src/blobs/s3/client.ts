/**
 * Requests to an S3 server: signed (SigV4, with the hash of each body), bounded in time and number, and sent again where that is safe. Bodies are
 * bytes in memory, 32 MiB at most, in both directions: so a request is short whoever waits for its bytes, and a short answer is seen.
 */
import { AwsV4Signer } from 'aws4fetch'
import { AppError, messageOf } from '../../errors.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { createLimiter } from '../../lib/concurrency.ts'
import { backoffMs, systemSleep } from '../../lib/retry.ts'
import { createCredentials, type S3Login } from './credentials.ts'
import { type S3Refusal, unavailable } from './failure.ts'
import type { S3Location } from './location.ts'
import { textIn } from './xml.ts'

export interface S3Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Undefined: of the bucket. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** Statuses that are answers and no failures, beside 2xx. */
  readonly accept?: readonly number[]
}

export interface S3Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface S3Client {
  readonly location: S3Location
  /** @throws AppError STORAGE_UNAVAILABLE, CANCELLED */
  send(call: S3Call): Promise<S3Answer>
  /** An address at which whoever has it may GET this object, and nothing else, for so long. */
  presign(key: string, seconds: number, headers?: Readonly<Record<string, string>>): Promise<string>
}

export interface S3ClientOptions {
  readonly attempts?: number
  /** Of one attempt, whose body is bounded. */
  readonly timeoutMs?: number
}

/** Of one process; Bun has 256 for all that go out. */
const REQUESTS_AT_ONCE = 48
const ATTEMPTS = 5
const TIMEOUT_MS = 60_000
const BACKOFF = { firstMs: 100, factor: 3, maxMs: 5_000 }
const MAX_WAIT_MS = 10_000

const AGAIN: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])
/** 400s that say nothing about the request. */
const AGAIN_CODES: ReadonlySet<string> = new Set(['RequestTimeout', 'SlowDown', 'InternalError'])

const ABSENT_CODES: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchUpload'])

export function createS3Client(location: S3Location, o: S3ClientOptions = {}): S3Client {
  const { attempts = ATTEMPTS, timeoutMs = TIMEOUT_MS } = o
  const base = baseUrl(location)
  const login = createCredentials(location.credentials)
  const limiter = createLimiter(REQUESTS_AT_ONCE)
  const cache = new Map<string, ArrayBuffer>()
  const signer = ({ accessKeyId, secretAccessKey, sessionToken }: S3Login) => ({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: 's3',
    region: location.region,
    cache,
  })

  async function attempt(call: S3Call): Promise<S3Answer> {
    if (call.signal?.aborted) throw cancelledBy(call.signal)
    const url = urlOf(base, call)
    const headers = { ...call.headers, 'x-amz-content-sha256': hashOf(call.body) }
    // A day's signing keys, and those of the days before.
    if (cache.size > 8) cache.clear()
    const signed = await new AwsV4Signer({ ...signer(await login()), method: call.method, url, headers }).sign()
    const limit = AbortSignal.timeout(call.timeoutMs ?? timeoutMs)
    const response = await fetch(signed.url, {
      method: call.method,
      headers: signed.headers,
      redirect: 'manual',
      decompress: false,
      signal: call.signal === undefined ? limit : AbortSignal.any([limit, call.signal]),
      ...(call.body === undefined ? {} : { body: call.body }),
    } as RequestInit)
    const bytes = new Uint8Array(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, bytes }
  }

  async function once(call: S3Call): Promise<{ answer: S3Answer } | { failure: AppError; waitMs?: number }> {
    let answer: S3Answer
    try {
      answer = await attempt(call)
    } catch (error) {
      if (call.signal?.aborted) throw cancelledBy(call.signal)
      if (error instanceof AppError) throw error
      return { failure: failed(call, location, `no answer: ${messageOf(error)}`, { cause: error }) }
    }
    const code = codeIn(answer)
    // A bucket that is not there is no absent object.
    if (call.accept?.includes(answer.status) && (code === undefined || ABSENT_CODES.has(code))) return { answer }
    if (answer.status >= 200 && answer.status < 300 && code === undefined) {
      const want = lengthOf(call, answer)
      if (want === undefined || want === answer.bytes.byteLength) return { answer }
      return { failure: failed(call, location, `it sent ${answer.bytes.byteLength} bytes of ${want}`) }
    }
    const failure = refused(call, location, answer, code)
    if (!AGAIN.has(answer.status) && !AGAIN_CODES.has(code ?? '')) throw failure
    const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN)
    return { failure, ...(Number.isFinite(seconds) ? { waitMs: Math.min(MAX_WAIT_MS, seconds * 1000) } : {}) }
  }

  return {
    location,
    async send(call) {
      for (let n = 1; ; n++) {
        const outcome = await limiter.run(() => once(call))
        if ('answer' in outcome) return outcome.answer
        if (n >= attempts) throw outcome.failure
        await systemSleep(outcome.waitMs ?? backoffMs(n, BACKOFF, Math.random), call.signal)
      }
    },
    async presign(key, seconds, query = {}) {
      const url = urlOf(base, { method: 'GET', key, query: { ...query, 'X-Amz-Expires': String(seconds) } })
      const signed = await new AwsV4Signer({ ...signer(await login()), method: 'GET', url, signQuery: true }).sign()
      return signed.url.href
    },
  }
}

function refused(call: S3Call, location: S3Location, answer: S3Answer, code: string | undefined): AppError {
  const text = answer.bytes.byteLength < 64 * 1024 ? new TextDecoder().decode(answer.bytes) : ''
  const said = [code, textIn(text, 'Message')].filter((part) => part !== undefined && part !== '').join(': ')
  const region = answer.headers.get('x-amz-bucket-region') ?? textIn(text, 'Region')
  const elsewhere =
    region === undefined || region === null || region === location.region ? '' : `; its region is ${region}`
  const what = `it answered ${answer.status}${said === '' ? '' : ` ${said.slice(0, 300)}`}${elsewhere}`
  return failed(call, location, what, { refusal: { status: answer.status, code } })
}

function failed(
  { method, key }: S3Call,
  { endpoint, bucket }: S3Location,
  what: string,
  o: { readonly refusal?: S3Refusal; readonly cause?: unknown } = {},
): AppError {
  return unavailable(`${method} ${key ?? 'the bucket'} (bucket ${bucket} at ${new URL(endpoint).host}): ${what}`, o)
}

/** Copies and completions answer 200 and may tell of a failure all the same (S3 API, CopyObject and CompleteMultipartUpload). */
function codeIn({ status, bytes, headers }: S3Answer): string | undefined {
  const isXml = /xml/.test(headers.get('content-type') ?? '')
  if (status < 300 && !isXml) return undefined
  if (bytes.byteLength > 64 * 1024) return undefined
  const text = new TextDecoder().decode(bytes)
  return /<Error[\s>]/.test(text) ? (textIn(text, 'Code') ?? 'InternalError') : undefined
}

function lengthOf({ method }: S3Call, { status, headers }: S3Answer): number | undefined {
  const length = headers.get('content-length')
  return method === 'HEAD' || status === 204 || length === null ? undefined : Number(length)
}

function hashOf(body: Uint8Array | undefined): string {
  return new Bun.CryptoHasher('sha256').update(body ?? new Uint8Array()).digest('hex')
}

function baseUrl({ endpoint, bucket, style }: S3Location): URL {
  const url = new URL(endpoint)
  if (style === 'virtual') url.hostname = `${bucket}.${url.hostname}`
  else url.pathname = `${url.pathname.replace(/\/$/, '')}/${bucket}`
  return url
}

function urlOf(base: URL, { key, query }: S3Call): string {
  const url = new URL(base)
  if (key !== undefined) url.pathname = `${base.pathname.replace(/\/$/, '')}/${key}`
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
  return url.href
}
