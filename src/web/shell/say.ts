/** What the server says, in the reader's language: by its codes, and never by its sentences. */
import type { ErrorAbout, ErrorNoun } from '../../errors.ts'
import { ApiError } from '../api/request.ts'
import { duration } from '../format/times.ts'
import type { Spoken } from '../text/language.tsx'
import type { Said, SaidAbout } from '../text/said.ts'

/** @returns undefined: the server's own sentence is all there is, as in English */
export function sayError(error: unknown, { said, language }: Spoken): string | undefined {
  if (said === undefined) return undefined
  if (!(error instanceof ApiError)) return said.codes.UNKNOWN
  const { code, detail, about } = error
  const facts = typeof detail === 'object' && detail !== null ? (detail as Readonly<Record<string, unknown>>) : {}
  if (about !== undefined && Object.hasOwn(said.reasons, about.reason)) {
    return said.reasons[about.reason](wordsOf(about, said))
  }
  if (code === 'TOOMANYREQUESTS' && typeof facts.retryAfterSeconds === 'number') {
    return said.retryAfter(duration(facts.retryAfterSeconds, language))
  }
  if (code === 'UPSTREAM_UNAVAILABLE' && Object.hasOwn(said.unanswered, String(facts.reason))) {
    const reason = facts.reason as keyof Said['unanswered']
    return said.unanswered[reason](typeof facts.host === 'string' ? facts.host : '')
  }
  return sayCode(code, said)
}

/** Of a failure that has come with its code alone. */
export function sayCode(code: string, said: Said | undefined): string | undefined {
  if (said === undefined) return undefined
  return Object.hasOwn(said.codes, code) ? said.codes[code as keyof Said['codes']] : said.codes.UNKNOWN
}

function wordsOf({ what, name, where, least, most, allowed = [] }: ErrorAbout, said: Said): SaidAbout {
  const noun = what === undefined ? '' : (said.nouns[what as ErrorNoun] ?? '')
  const last = where?.split('.').findLast((part) => !/^\d+$/.test(part))
  return {
    what: [noun, name].filter(Boolean).join(' ') + (name === undefined ? '' : ' '),
    where: last === undefined ? '' : (said.fields[last] ?? where ?? last),
    hint: last === undefined ? '' : (said.hints[last] ?? ''),
    least,
    most,
    allowed,
  }
}
