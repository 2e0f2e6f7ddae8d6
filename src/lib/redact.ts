/**
 * Finds secrets in text whatever they are written as: themselves, base64 (also as a part of something longer, and of the URL kind), hex, escaped
 * for URLs, JSON, HTML or programs, several of those over each other, in another case, or with white space in between; base64, hex and
 * decimal bytes also with punctuation in between, as lists, quoted parts and MAC-like notations have it.
 */
import { unescapings, type View, viewOf } from './unescape.ts'

/** What the text of a secret can look like once escapes are undone. */
interface Form {
  /** As `canonical` writes it. */
  readonly text: string
  /** Its neighbours in the text may hold some bits of the secret. */
  readonly isBase64: boolean
  /** Of letters and digits alone, so that it is found with anything else in between; long enough that nothing else looks like it. */
  readonly isSpread: boolean
  /** Only so: a row of digits is none of the secret's spellings. */
  readonly isSpreadOnly: boolean
}

export interface Redactor {
  /** Never shown from now on. Only the last MAX_PASSING are remembered: tokens come and go. */
  add(secret: string): void
  /**
   * The text with `[redacted]` in place of every secret; the same string when it holds none. Nothing but `[redacted]` when looking takes too
   * long: of such a text is known that it was made for that.
   * @param effort what several texts may take together, where they are of somebody who may mean ill
   */
  redact(text: string, effort?: Effort): string
}

/** Counted down by the work that is done. */
export interface Effort {
  /** In characters that are compared, of which a hundred take about a microsecond. */
  left: number
}

/** Forms by what they begin with, so that looking costs what the text has of such beginnings, not what forms there are. */
interface Index {
  readonly byStart: ReadonlyMap<string, readonly Form[]>
  /** What is shorter than a beginning. */
  readonly short: readonly Form[]
  /** Characters of the shortest form: a text that is shorter, and plain, holds none. */
  readonly least: number
}

export const REDACTED = '[redacted]'
const MAX_PASSING = 16
/** Shorter pieces of base64 and hex say little and are found everywhere. */
const LEAST_ENCODED = 4
/** The same with anything in between. */
const LEAST_SPREAD = 7
/** How much of a secret must stand before a `…`, where text was cut off, to be taken for it: less would tell by trial what it begins with. */
const LEAST_CUT = 4
const CUT = '…'
/** Not as long as it looks, or a part of something longer. */
const NOT_PLAIN = /[…%\\&]/
/** What of a form it is looked up by. */
const START = 4
/** Characters that are compared at most in one text: some milliseconds. */
const MAX_STEPS = 500_000
/** What noting a place costs, in characters that are compared; and a character of one reading of the text. */
const MARK_STEPS = 50
const READ_STEPS = 30

/** @param lasting never forgotten */
export function createRedactor(lasting: readonly string[] = []): Redactor {
  const always = lasting.filter((secret) => secret !== '').flatMap(formsOf)
  const passing = new Map<string, readonly Form[]>()
  let index = indexOf(always)
  return {
    add(secret) {
      if (secret === '') return
      const known = passing.get(secret)
      passing.delete(secret)
      passing.set(secret, known ?? formsOf(secret))
      if (known !== undefined) return
      const [oldest] = passing.keys()
      if (passing.size > MAX_PASSING && oldest !== undefined) passing.delete(oldest)
      index = indexOf([...always, ...[...passing.values()].flat()])
    },
    redact(text, effort) {
      if (index.least === Number.POSITIVE_INFINITY || (text.length < index.least && !NOT_PLAIN.test(text))) return text
      const search: Search = { index, spans: [], effort: effort ?? { left: MAX_STEPS } }
      for (const view of unescapings(text)) {
        if (effort !== undefined) effort.left -= view.text.length * READ_STEPS
        if (search.effort.left < 0) return REDACTED
        const canon = canonical(view)
        find(canon, search, ({ isSpreadOnly }) => !isSpreadOnly)
        const spread = lettersAndDigits(canon)
        if (spread.text !== canon.text) find(spread, search, ({ isSpread }) => isSpread)
        if (search.effort.left < 0) return REDACTED
      }
      return replace(text, search.spans)
    },
  }
}

function indexOf(forms: readonly Form[]): Index {
  const long = forms.filter(({ text }) => text.length >= START)
  return {
    byStart: Map.groupBy(long, ({ text }) => text.slice(0, START)),
    short: forms.filter(({ text }) => text.length < START),
    least: forms.reduce((least, { text }) => Math.min(least, text.length), Number.POSITIVE_INFINITY),
  }
}

interface Search {
  readonly index: Index
  readonly spans: Span[]
  /** Below nothing the search is over. */
  readonly effort: Effort
}

type Span = readonly [from: number, to: number]

/** Without white space and control characters, in lower case, in base64's own alphabet: all of that does not matter when looking for a secret. */
function canonical({ text, from, to }: View): View {
  let out = ''
  const outFrom: number[] = []
  const outTo: number[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const char = text.charAt(i)
    if (code <= 32 || (code >= 127 && /[\s\p{Cc}\p{Cf}]/u.test(char))) continue
    out += code >= 65 && code <= 90 ? char.toLowerCase() : char === '-' ? '+' : char === '_' ? '/' : char
    outFrom.push(from[i] ?? 0)
    outTo.push(to[i] ?? 0)
  }
  return { text: out, from: outFrom, to: outTo }
}

function canonicalText(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) return canonical(viewOf(text)).text
  return text.replaceAll(' ', '').toLowerCase().replaceAll('-', '+').replaceAll('_', '/')
}

/** Of canonical text what base64, hex and numbers are made of, and what escapes begin with: those are undone, not skipped. */
function lettersAndDigits({ text, from, to }: View): View {
  const kept = [...text.matchAll(/[a-z0-9+/%&#\\]/g)].map(({ index }) => index)
  return {
    text: kept.map((i) => text.charAt(i)).join(''),
    from: kept.map((i) => from[i] ?? 0),
    to: kept.map((i) => to[i] ?? 0),
  }
}

function formsOf(secret: string): readonly Form[] {
  const bytes = Buffer.from(secret)
  const written = new Set([
    secret,
    encodeURIComponent(secret.toWellFormed()),
    new URLSearchParams({ '': secret }).toString().slice(1),
    secret.replaceAll(' ', '+'),
    JSON.stringify(secret).slice(1, -1),
  ])
  const forms = new Map<string, Form>()
  const put = (given: string, kind: 'plain' | 'base64' | 'hex' | 'decimal') => {
    const text = canonicalText(given)
    if (text.length < { plain: 1, base64: LEAST_ENCODED, hex: LEAST_ENCODED, decimal: LEAST_SPREAD }[kind]) return
    const isSpread = kind !== 'plain' && text.length >= LEAST_SPREAD && /^[a-z0-9+/]*$/.test(text)
    forms.set(`${kind} ${text}`, { text, isBase64: kind === 'base64', isSpread, isSpreadOnly: kind === 'decimal' })
  }
  for (const text of written) {
    put(text, 'plain')
    const utf8 = Buffer.from(text)
    for (const form of base64Of(utf8)) put(form, 'base64')
    put(utf8.toString('hex'), 'hex')
  }
  put([...bytes].join(''), 'decimal')
  // As header values arrive that were sent in UTF-8.
  put(bytes.toString('latin1'), 'plain')
  put(secret.replaceAll(' ', '+'), 'plain')
  return [...forms.values()]
}

/** What of the base64 of `…bytes…` depends on nothing but the bytes, for the three places that they may start at. */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const first = Math.ceil((before * 8) / 6)
    const end = Math.floor(((before + bytes.length) * 8) / 6)
    return text.slice(first, end)
  })
}

function find(view: View, search: Search, isWanted: (form: Form) => boolean): void {
  const { text } = view
  const { byStart, short } = search.index
  for (const form of short) {
    if (!isWanted(form)) continue
    for (let at = text.indexOf(form.text); at !== -1 && search.effort.left >= 0; at = text.indexOf(form.text, at + 1)) {
      mark(view, form, at, at + form.text.length, search)
    }
  }
  for (let at = 0; at + START <= text.length && search.effort.left >= 0; at++) {
    for (const form of byStart.get(text.slice(at, at + START)) ?? []) {
      search.effort.left--
      if (!isWanted(form)) continue
      const length = sharedLength(text, at, form.text)
      search.effort.left -= length
      const isCut = length >= LEAST_CUT && text.charAt(at + length) === CUT
      if (length === form.text.length || isCut) mark(view, form, at, at + length, search)
      if (search.effort.left < 0) return
    }
  }
}

/** How much of the form stands in the text at a place. */
function sharedLength(text: string, at: number, form: string): number {
  const most = Math.min(form.length, text.length - at)
  let length = START
  while (length < most && text.charCodeAt(at + length) === form.charCodeAt(length)) length++
  return length
}

function mark({ text, from, to }: View, { isBase64 }: Form, start: number, end: number, search: Search): void {
  search.effort.left -= MARK_STEPS
  // Side by side in the text itself too, not only where white space was left out.
  const isNext = (at: number) => to[at] === from[at + 1]
  const isPart = (at: number) => isBase64 && /^[a-z0-9+/=]$/.test(text.charAt(at))
  const first = isPart(start - 1) && isNext(start - 1) ? start - 1 : start
  let last = isPart(end) && isNext(end - 1) ? end : end - 1
  while (isBase64 && text.charAt(last + 1) === '=' && isNext(last)) last++
  search.spans.push([from[first] ?? 0, to[last] ?? 0])
}

function replace(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text
  let out = ''
  let at = 0
  let isOpen = false
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (from > at || !isOpen) {
      if (to <= at) continue
      out += text.slice(at, Math.max(at, from)) + REDACTED
      isOpen = true
    }
    at = Math.max(at, to)
  }
  return out + text.slice(at)
}
