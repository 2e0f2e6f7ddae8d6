import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { DELIVERY_LIFE_MS, nextTry, RETRY_WAITS_MS, retryAfterMs } from '../../src/events/schedule.ts'

const start = new Date('2026-01-31T12:00:00.000Z')
const expiresAt = new Date(start.getTime() + DELIVERY_LIFE_MS).toISOString()

test('a delivery that nobody takes is tried again for about a day, and then no more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 20, maxLength: 20 }),
      (chance) => {
        let now = start
        let tries = 1
        for (;;) {
          const next = nextTry({ tries, now, expiresAt, retryAfterMs: undefined, random: chance[tries] ?? 0 })
          if (next === undefined) break
          expect(next.getTime()).toBeGreaterThan(now.getTime())
          expect(next.toISOString() <= expiresAt).toBe(true)
          now = next
          tries++
        }
        expect(tries).toBeGreaterThanOrEqual(9)
        expect(tries).toBeLessThanOrEqual(RETRY_WAITS_MS.length + 1)
        expect(now.getTime() - start.getTime()).toBeGreaterThan(DELIVERY_LIFE_MS / 2)
      },
    ),
  )
})

test('a receiver that says when to come again is obeyed, within an hour', () => {
  const next = (retry: string) =>
    (nextTry({ tries: 1, now: start, expiresAt, retryAfterMs: retryAfterMs(retry, start), random: 0 })?.getTime() ??
      0) - start.getTime()
  expect([next('60'), next('Sat, 31 Jan 2026 12:02:00 GMT'), next('1'), next('never'), next('999999')]).toEqual([
    60_000, 120_000, 5_000, 5_000, 3_600_000,
  ])
})
