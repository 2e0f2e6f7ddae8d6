/** Text with what it was made from: `from[i]` and `to[i]` bound the part of the original that says `text[i]`. */
export interface View {
  readonly text: string
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/** Escapes upon escapes are undone so many times, each kind by itself and all at once; a text that plays with that gets no more than MAX_VIEWS. */
const MAX_DEPTH = 4
const MAX_VIEWS = 40

const KINDS: readonly (readonly RegExp[])[] = [
  // Bytes of URLs, several of which may make one character; code units of old URLs.
  [/((?:%[0-9a-f]{2})+)/, /%u([0-9a-f]{4})/],
  // JSON and programs.
  [
    /((?:\\x[0-9a-f]{2})+)/,
    /((?:\\[0-3][0-7]{2})+)/,
    /\\u([0-9a-f]{4})/,
    /\\u\{0*([0-9a-f]{1,6})\}/,
    /\\(["'\\/bfnrt ])/,
  ],
  // HTML and XML.
  [/&#x0*([0-9a-f]{1,6});?/, /&#0*([0-9]{1,7});?/, /&(amp|lt|gt|quot|apos|nbsp);/],
]
const ESCAPES: readonly RegExp[] = [...KINDS, KINDS.flat()].map(
  (kind) => new RegExp(kind.map(({ source }) => source).join('|'), 'gi'),
)

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }
const LETTER: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

export function viewOf(text: string): View {
  const from = Array.from({ length: text.length }, (_, i) => i)
  return { text, from, to: from.map((i) => i + 1) }
}

/** The text as it is, and all that it can mean when escapes are undone; each is made when it is asked for. */
export function* unescapings(text: string): Generator<View> {
  const views = new Set([text])
  let newest = [viewOf(text)]
  yield* newest
  for (let depth = 0; depth < MAX_DEPTH && newest.length > 0; depth++) {
    const found: View[] = []
    for (const view of newest) {
      for (const pattern of ESCAPES) {
        const next = undo(view, pattern)
        if (next === undefined || views.has(next.text) || views.size >= MAX_VIEWS) continue
        views.add(next.text)
        found.push(next)
        yield next
      }
    }
    newest = found
  }
}

/** Undefined when there is nothing to undo. */
function undo(view: View, pattern: RegExp): View | undefined {
  let out = ''
  const from: number[] = []
  const to: number[] = []
  let at = 0
  /** Characters that stand for the part of `view` from `start` to before `end`. */
  const put = (chars: string, start: number, end: number) => {
    for (let i = 0; i < chars.length; i++) {
      from.push(view.from[start] ?? 0)
      to.push(view.to[end - 1] ?? 0)
    }
    out += chars
  }
  const copyTo = (end: number) => {
    for (; at < end; at++) put(view.text.charAt(at), at, at + 1)
  }
  for (const match of view.text.matchAll(pattern)) {
    const [whole] = match
    copyTo(match.index)
    at += whole.length
    if (/^(%[0-9a-f]|\\x[0-9a-f]|\\[0-3])/i.test(whole)) putBytes(whole, match.index, put)
    else put(charOf(whole, match.slice(1).find((group) => group !== undefined) ?? ''), match.index, at)
  }
  if (at === 0) return undefined
  copyTo(view.text.length)
  return { text: out, from, to }
}

function charOf(whole: string, value: string): string {
  if (/^\\[^u]/i.test(whole)) return LETTER[value] ?? value
  if (/^&[a-z]/i.test(whole)) return NAMED[value.toLowerCase()] ?? ''
  const code = /^&#[0-9]/.test(whole) ? Number(value) : Number.parseInt(value, 16)
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole
}

/** Bytes as UTF-8; what is none, as Latin-1. */
function putBytes(escaped: string, start: number, put: (chars: string, start: number, end: number) => void): void {
  const parts = [...escaped.matchAll(/%[0-9a-f]{2}|\\x[0-9a-f]{2}|\\[0-3][0-7]{2}/gi)]
  const bytes = Uint8Array.from(parts, ([part]) =>
    /^\\[0-3]/.test(part) ? Number.parseInt(part.slice(1), 8) : Number.parseInt(part.slice(-2), 16),
  )
  const at = (i: number) => start + (parts[i]?.index ?? escaped.length)
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i] ?? 0
    const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
    const char = decode(bytes.subarray(i, i + length)) ?? String.fromCharCode(lead)
    const used = char.codePointAt(0) === lead && length > 1 ? 1 : length
    put(char, at(i), at(i + used))
    i += used
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
