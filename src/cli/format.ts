import prettyBytes from 'pretty-bytes'

/** Bytes as people read them: `9.32 MB` (powers of 1000, as registries count). */
export function size(bytes: number): string {
  return prettyBytes(bytes)
}

const UNITS: readonly (readonly [string, number])[] = [
  ['year', 365 * 24 * 3600],
  ['month', 30 * 24 * 3600],
  ['week', 7 * 24 * 3600],
  ['day', 24 * 3600],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** A span in its largest whole unit: `3 minutes`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ['second', 1]
  const count = Math.floor(seconds / length)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
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
