/** Lengths of time as people write them: `90s`, `15m`, `1h`, `7d`, `2w`; `0` is none. */
const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

const DURATION = /^(\d{1,6})(s|m|h|d|w)$/

/** In milliseconds; undefined when the text is none. */
export function findDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = DURATION.exec(text)
  return match === null ? undefined : Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
}

/** @throws Error when the text is none: for values that a schema has let through */
export function parseDuration(text: string): number {
  const ms = findDuration(text)
  if (ms === undefined) throw new Error(`${JSON.stringify(text)} is no duration`)
  return ms
}
