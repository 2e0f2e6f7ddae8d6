/** The hours or days of a chart: each one, also those of which nothing is known. */
import type { UsageAnswer } from '../api/usage.ts'
import { DAYS_KEPT, HOURS_KEPT_DAYS } from '../api/usage.ts'
import type { Period, Span } from '../db/content/periods.ts'
import { AppError } from '../errors.ts'
import { isoTime } from '../lib/clock.ts'
import { saturate } from '../lib/saturate.ts'

const PERIOD_MS = { hour: 60 * 60 * 1000, day: 24 * 60 * 60 * 1000 }
const DEFAULT_COUNT = { hour: 48, day: 30 }
export const MAX_COUNT = { hour: HOURS_KEPT_DAYS * 24, day: DAYS_KEPT }

/**
 * What is asked for, as begins of hours or days.
 * @param most how many of them at most
 * @throws AppError INVALID_REQUEST
 */
export function spanOf(
  asked: { readonly per: 'hour' | 'day'; readonly from?: string | undefined; readonly to?: string | undefined },
  now: Date,
  most: number = MAX_COUNT[asked.per],
): Span {
  const { per } = asked
  const ms = PERIOD_MS[per]
  const beginOf = (time: number) => Math.floor(time / ms) * ms
  const to = Math.min(beginOf(asked.to === undefined ? now.getTime() : Date.parse(asked.to)), beginOf(now.getTime()))
  const from = asked.from === undefined ? to - (DEFAULT_COUNT[per] - 1) * ms : beginOf(Date.parse(asked.from))
  if (from > to)
    throw new AppError('INVALID_REQUEST', `from: got ${asked.from}, want a time before ${isoTime(new Date(to))}`, {
      about: { reason: 'invalid', where: 'from' },
    })
  const count = (to - from) / ms + 1
  if (count > most)
    throw new AppError('INVALID_REQUEST', `from: that is ${count} ${per}s, want at most ${most}`, {
      about: { reason: 'invalid', where: 'from' },
    })
  return { per, from: isoTime(new Date(from)), to: isoTime(new Date(to)) }
}

/**
 * @param storedBefore what was stored before the first; what nobody noted stays as it was
 * @param storedNow what is stored at this moment, for the one that is not over; undefined: not known
 */
export function fillSpan(
  span: Span,
  known: readonly Period[],
  o: { readonly storedBefore: number | null; readonly storedNow: number | undefined; readonly now: Date },
): UsageAnswer {
  const ms = PERIOD_MS[span.per]
  const byTime = new Map(known.map((period) => [period.at, period]))
  const periods: UsageAnswer['periods'] = []
  let stored = o.storedBefore
  for (let time = Date.parse(span.from); time <= Date.parse(span.to); time += ms) {
    const at = isoTime(new Date(time))
    const one = byTime.get(at)
    stored = one?.storedBytes ?? stored
    if (o.storedNow !== undefined && o.now.getTime() < time + ms) stored = o.storedNow
    periods.push({
      at,
      pulls: saturate(one?.pulls ?? 0),
      checks: saturate(one?.checks ?? 0),
      servedBytes: saturate(one?.bytes ?? 0),
      storedBytes: stored === null ? null : saturate(stored),
    })
  }
  return { ...span, periods }
}
