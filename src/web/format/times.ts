/** Times in one's own zone, and how long ago they were. */
import { keptByLanguage } from './kept-by-language.ts'

const STEPS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** Of each unit, how long the next smaller one is. */
const SMALLER = new Map(STEPS.map(([unit], index) => [unit, STEPS[index + 1]?.[1]]))

const relativeFormat = keptByLanguage((language) => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }))
const exactFormat = keptByLanguage(
  (language) => new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long' }),
)

const dateFormat = keptByLanguage((language) => new Intl.DateTimeFormat(language, { dateStyle: 'long' }))

/** `5 minutes ago`, `in 2 days`, to the nearest of the largest unit that comes to one; less than half a minute is now. */
export function relative(at: string, now: number, language: string): string {
  const seconds = (Date.parse(at) - now) / 1000
  const format = relativeFormat(language)
  for (const [unit, length] of STEPS) {
    const count = Math.round(Math.abs(seconds) / length)
    // 40 minutes are no hour, though they are more than half of one: 59.5 are, as 60 minutes would be.
    if (count >= 1 && Math.abs(seconds) >= length - (SMALLER.get(unit) ?? length) / 2) {
      return format.format(Math.sign(seconds) * count, unit)
    }
  }
  return format.format(0, 'second')
}

export function exact(at: string, language: string): string {
  return exactFormat(language).format(new Date(at))
}

const dayFormat = keptByLanguage(
  (language) => new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', timeZone: 'UTC' }),
)
const timeOfDayFormat = keptByLanguage((language) => new Intl.DateTimeFormat(language, { timeStyle: 'short' }))

/** `26 Nov`, of a day in UTC. */
export function dayName(at: string, language: string): string {
  return dayFormat(language).format(new Date(at))
}

/** `21:40`, in one's own zone. @param ms since 1970 */
export function timeOfDay(ms: number, language: string): string {
  return timeOfDayFormat(language).format(new Date(ms))
}

/** The day alone, for what is far off. */
export function date(at: string, language: string): string {
  return dateFormat(language).format(new Date(at))
}

/** `40 seconds`, `3 minutes`; less than one counts as one. */
export function duration(seconds: number, language: string): string {
  const isShort = seconds < 90
  const value = Math.max(1, Math.ceil(isShort ? seconds : seconds / 60))
  const unit = isShort ? 'second' : 'minute'
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
}

const UNITS = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' } as const

/** `15m` as `15 minutes`, `1h` as `1 hour`; what is no such length stays as it is. */
export function spelled(length: string, language: string): string {
  const [, value, unit] = /^(\d+)([smhdw])$/.exec(length) ?? []
  if (value === undefined || unit === undefined) return length
  const style = { style: 'unit', unit: UNITS[unit as keyof typeof UNITS], unitDisplay: 'long' } as const
  return new Intl.NumberFormat(language, style).format(Number(value))
}
