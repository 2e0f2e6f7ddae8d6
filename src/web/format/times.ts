/** Times in one's own zone, and how long ago they were. */
import { keptByLanguage } from './kept-by-language.ts'

const STEPS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

const relativeFormat = keptByLanguage((language) => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }))
const exactFormat = keptByLanguage(
  (language) => new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long' }),
)

/** `5 minutes ago`, `in 2 days`; less than a minute is now. */
export function relative(at: string, now: number, language: string): string {
  const seconds = (Date.parse(at) - now) / 1000
  const format = relativeFormat(language)
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit)
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
