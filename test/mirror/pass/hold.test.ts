// How long a new digest waits, for any order of what arrives and when it is looked at.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Hold, holdVerdict } from '../../../src/mirror/pass/hold.ts'

const SETTLE_MS = 600_000
const START = Date.parse('2026-01-01T00:00:00.000Z')

/** Looks at a digest again and again: after how many milliseconds, and whether something has come since. */
const looksArbitrary = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: SETTLE_MS }), isNew: fc.boolean() }), {
  minLength: 1,
  maxLength: 60,
})

test('it waits until nothing has come for the settle time, and six times that at most', () => {
  fc.assert(
    fc.property(looksArbitrary, (looks) => {
      let before: Hold | undefined
      let at = START
      let lastNew = START
      let seen = 0
      for (const { afterMs, isNew } of [{ afterMs: 0, isNew: true }, ...looks]) {
        at += afterMs
        if (isNew) {
          seen++
          lastNew = at
        }
        const verdict = holdVerdict({ before, fingerprint: `${seen}`, settleMs: SETTLE_MS, now: new Date(at) })
        const end = Math.min(lastNew + SETTLE_MS, START + 6 * SETTLE_MS)
        expect(verdict.until?.getTime()).toBe(end > at ? end : undefined)
        before = verdict.hold
      }
    }),
  )
})

test('a tag that moves on and on is held no longer than one that stays', () => {
  fc.assert(
    fc.property(looksArbitrary, (looks) => {
      let waitingSince: string | undefined
      let at = START
      for (const { afterMs } of looks) {
        // Each time another digest.
        const verdict = holdVerdict({
          before: undefined,
          fingerprint: `${at}`,
          settleMs: SETTLE_MS,
          now: new Date(at),
          waitingSince,
        })
        if (at >= START + 6 * SETTLE_MS) expect(verdict.until).toBeUndefined()
        else expect(verdict.until?.getTime()).toBeLessThanOrEqual(START + 6 * SETTLE_MS)
        waitingSince = verdict.hold.heldSince
        at += afterMs
      }
    }),
  )
})

test('a clock that is set back holds nothing longer than from now on', () => {
  const later = new Date(START + 365 * 86_400_000).toISOString()
  const before = { heldSince: later, changedAt: later, fingerprint: 'a' }
  const { until } = holdVerdict({ before, fingerprint: 'a', settleMs: SETTLE_MS, now: new Date(START) })
  expect(until?.getTime()).toBe(START + SETTLE_MS)
})
