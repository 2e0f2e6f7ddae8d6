/**
 * What is kept of a receiver's answer: nothing that it was sent in secret, in whatever encoding. Receivers and the values of own headers are
 * a tenant's, and the event loop is everybody's: how much is looked through, and how much is looked for, has an end.
 */
import { clipped } from '../lib/quoted.ts'
import { createRedactor, type Effort, type Redactor } from '../lib/redact.ts'

/** @returns the text without the webhook's secrets */
export type Veil = (text: string, effort: Effort) => string

export interface Said {
  readonly headers: Readonly<Record<string, string>>
  /** The first KiB of the body. */
  readonly excerpt: string
  /** Why the attempt failed, which may quote the receiver. */
  readonly error: string | null
}

export const HIDDEN = '[secret]'
const SECRET_HEADERS = /^(set-cookie|authorization|www-authenticate|proxy-.*|x-api-key)$/i
/** A shorter value, such as `prod`, is found everywhere, and hides only what says nothing else. */
const LEAST_OWN = 8
const MAX_NAME = 100
const MAX_VALUE = 500
/** All of the headers. */
const MAX_HEADERS = 4096
const EXCERPT = 1024
const MAX_ERROR = 1000
/** For all of an answer: some milliseconds. What is left when they are over is left out. */
const EFFORT = 600_000

/** @param own values of the webhook's headers; `api/webhooks.ts` bounds them @param secrets what it signs by */
export function createVeil(own: readonly string[], secrets: readonly string[]): Veil {
  const short = new Set(own.filter((value) => value.length < LEAST_OWN))
  let redactor: Redactor | undefined
  return (text, effort) => {
    if (text === '') return text
    if (short.has(text)) return HIDDEN
    // Made once, and only for a receiver that says something.
    redactor ??= createRedactor([...own.filter((value) => value.length >= LEAST_OWN), ...secrets])
    return redactor.redact(text, effort)
  }
}

/** @param callbackUrl of the delivery: whoever reads it could speak for the receiver */
export function shownAnswer(veil: Veil, said: Said, callbackUrl: string): Said {
  const effort = { left: EFFORT }
  const word = /\.([\w-]{43})\/?$/.exec(callbackUrl)?.[1] ?? callbackUrl
  let address: Redactor | undefined
  const veiled = (text: string) => {
    // Most answers are too short to hold it.
    if (text.length < word.length && !/[…%\\&]/.test(text)) return veil(text, effort)
    address ??= createRedactor([word])
    return address.redact(veil(text, effort), effort)
  }
  // What says most comes first, while the effort lasts.
  const error = said.error === null ? null : veiled(cut(said.error, MAX_ERROR))
  const isCut = Buffer.byteLength(said.excerpt) >= EXCERPT
  const excerpt = veiled(isCut ? cut(`${said.excerpt} `, said.excerpt.length) : said.excerpt)
  const headers: Record<string, string> = {}
  let left = MAX_HEADERS
  for (const [name, value] of Object.entries(said.headers)) {
    left -= Math.min(name.length, MAX_NAME) + Math.min(value.length, MAX_VALUE)
    if (left < 0 || effort.left < 0) break
    headers[veiled(cut(name, MAX_NAME))] = SECRET_HEADERS.test(name) ? HIDDEN : veiled(cut(value, MAX_VALUE))
  }
  return { headers, excerpt, error }
}

/** With a `…` where it was cut, by which a secret that the cut went through is known; half an escape would stand between the two. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text
  return clipped(`${text.slice(0, length).replace(/(%[0-9a-f]?|\\[^\\]{0,8}|&[^&;]{0,9})$/i, '')}…`, length + 1)
}
