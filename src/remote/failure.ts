import { AppError, type UpstreamErrorCode } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import type { Redactor } from '../lib/redact.ts'
import { readExcerpt } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import { retryAfterMs } from '../net/rate-headers.ts'

/** `detail.body`, in characters. */
const BODY_EXCERPT_LENGTH = 1024

/** Read of a body, so that a secret is seen whole that begins in what is shown of it. */
const READ_BYTES = 8 * 1024

/** The most of an answer that goes into a message. */
const MESSAGE_EXCERPT_LENGTH = 200

/** Registries do not tell a private repository from an absent one, and neither can we. */
export const DENIED_HINT = ' (it is not there, or not for these credentials)'

function codeOf(status: number): UpstreamErrorCode {
  if (status === 401 || status === 403) return 'UPSTREAM_DENIED'
  if (status === 404) return 'UPSTREAM_NOT_FOUND'
  if (status === 429) return 'UPSTREAM_RATE_LIMITED'
  if (status === 408 || status === 499 || status >= 500) return 'UPSTREAM_UNAVAILABLE'
  return 'UPSTREAM_INVALID'
}

/**
 * The error that an unwanted answer stands for; reads the beginning of its body and gives the connection back.
 * @param what names host, repository and reference
 * @param redactor knows what is never shown, should the answer repeat it
 */
export async function failureOf(
  response: HttpResponse,
  what: string,
  redactor: Redactor,
  code: UpstreamErrorCode = codeOf(response.status),
): Promise<AppError> {
  const whole = redactor.redact(await readRedactable(response))
  const body = whole.slice(0, BODY_EXCERPT_LENGTH)
  const told = firstWords(whole, redactor)
  const waitMs = retryAfterMs(response.headers, Date.now())
  const retryAt = waitMs === undefined ? {} : { retryAt: new Date(Date.now() + waitMs).toISOString() }
  const hint = code === 'UPSTREAM_DENIED' ? DENIED_HINT : ''
  return new AppError(code, `${what}: answered ${response.status}${told === '' ? '' : `: ${told}`}${hint}`, {
    detail: { status: response.status, body, ...retryAt },
  })
}

/** What is shown of a body, and more, so that a secret in it can be seen. */
export async function readRedactable(response: HttpResponse): Promise<string> {
  const text = await readExcerpt(response, READ_BYTES)
  return text.length < READ_BYTES ? text : `${text}…`
}

/** The registry's own words: `errors[0]` of the specification, `details` or `message` of others, else the text as it is. */
function firstWords(body: string, redactor: Redactor): string {
  let words = body
  try {
    const json = parseForeignJson(body) as { errors?: unknown; details?: unknown; message?: unknown } | null
    const first = Array.isArray(json?.errors) ? (json.errors[0] as { code?: unknown; message?: unknown } | null) : null
    const known = first === null ? [json?.details, json?.message] : [first?.code, first?.message]
    const texts = known.filter((text) => typeof text === 'string' && text !== '')
    if (texts.length > 0) words = texts.join(': ')
  } catch {
    // Not JSON, or cut off: shown as it is.
  }
  // Control characters could rewrite a terminal or a log line.
  const clean = redactor
    .redact(words)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  return clean.length > MESSAGE_EXCERPT_LENGTH ? `${clean.slice(0, MESSAGE_EXCERPT_LENGTH)}…` : clean
}
