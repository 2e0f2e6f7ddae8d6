import prettyBytes from 'pretty-bytes'

/** Bytes as people read them: `9.32 MB` (powers of 1000, as registries count). */
export function size(bytes: number): string {
  return prettyBytes(bytes)
}

/** Seconds, and from how many of it on a unit is used: "90 days" says more than "2 months". */
const UNITS: readonly { readonly unit: string; readonly length: number; readonly from: number }[] = [
  { unit: 'year', length: 365 * 24 * 3600, from: 2 },
  { unit: 'month', length: 30 * 24 * 3600, from: 4 },
  { unit: 'day', length: 24 * 3600, from: 1 },
  { unit: 'hour', length: 3600, from: 1 },
  { unit: 'minute', length: 60, from: 1 },
]

/** A span in one unit: `3 minutes`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds === 0) return 'less than a second'
  const { unit, length } = UNITS.find(({ length, from }) => seconds >= length * from) ?? { unit: 'second', length: 1 }
  return count(Math.round(seconds / length), unit)
}

/** How long ago (or in how long) a time is; `none` for null. */
export function age(time: string | null, none: string, now: Date = new Date()): string {
  if (time === null) return none
  const ms = now.getTime() - new Date(time).getTime()
  if (Math.abs(ms) < 1000) return 'now'
  return ms > 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

/** `sha256:` and twelve characters: enough to recognise a digest by. */
export function shortDigest(digest: string): string {
  const colon = digest.indexOf(':')
  return digest.slice(0, colon + 13)
}

/** `1 tag`, `21 tags`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** `tagsMoved` is tags moved. */
export function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
