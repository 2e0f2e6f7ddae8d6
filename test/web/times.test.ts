import { expect, test } from 'bun:test'
import { relative } from '../../src/web/format/times.ts'

const NOW = Date.parse('2026-06-15T12:00:00.000Z')
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000] as const

test('how long ago is told to the nearest, of the largest unit that comes to one', () => {
  for (const [ago, told] of [
    [0, 'now'],
    [29 * SECOND, 'now'],
    [31 * SECOND, '1 minute ago'],
    [89 * SECOND, '1 minute ago'],
    [91 * SECOND, '2 minutes ago'],
    [40 * MINUTE, '40 minutes ago'],
    [59 * MINUTE, '59 minutes ago'],
    [59.6 * MINUTE, '1 hour ago'],
    [89 * MINUTE, '1 hour ago'],
    [91 * MINUTE, '2 hours ago'],
    [23 * HOUR, '23 hours ago'],
    [23.6 * HOUR, 'yesterday'],
    [35 * HOUR, 'yesterday'],
    [37 * HOUR, '2 days ago'],
    [29 * DAY, '29 days ago'],
    [30 * DAY, 'last month'],
    [45 * DAY, 'last month'],
    [46 * DAY, '2 months ago'],
    [90 * DAY, '3 months ago'],
    [349 * DAY, '11 months ago'],
    [351 * DAY, 'last year'],
    [547 * DAY, 'last year'],
    [549 * DAY, '2 years ago'],
    [-90 * DAY, 'in 3 months'],
    [-59.6 * MINUTE, 'in 1 hour'],
    [-10 * SECOND, 'now'],
  ] as const) {
    expect([ago, relative(new Date(NOW - ago).toISOString(), NOW, 'en')]).toEqual([ago, told])
  }
})
