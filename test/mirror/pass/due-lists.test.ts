// Which referrer lists a pass asks for: even, in turn, and each within its time, for any number of images and any start.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { dueLists } from '../../../src/mirror/pass/due-lists.ts'
import type { KnownList } from '../../../src/mirror/pass/known.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const START = Date.parse('2026-01-01T00:00:00.000Z')
const iso = (ms: number) => new Date(ms).toISOString()
const subjectAt = (i: number): Digest => digestOf(`subject ${i}`)

function lists(count: number, listedAt: (i: number) => number, changedAt = START - 2 * DAY_MS) {
  return new Map<Digest, KnownList | undefined>(
    Array.from({ length: count }, (_, i) => [
      subjectAt(i),
      { version: undefined, listedAt: iso(listedAt(i)), changedAt: iso(changedAt) },
    ]),
  )
}

/** Makes passes in a row. @returns how many lists each asked for, and the longest time between two looks at one */
function run(subjects: Map<Digest, KnownList | undefined>, o: { passes: number; everyMs: number; recheckMs: number }) {
  const asked: number[] = []
  let longestMs = 0
  for (let pass = 1; pass <= o.passes; pass++) {
    const now = START + pass * o.everyMs
    const due = dueLists({ subjects, recheckMs: o.recheckMs, nextPassMs: o.everyMs, now: new Date(now) })
    asked.push(due.size)
    for (const subject of due) {
      const list = subjects.get(subject)
      if (list === undefined) throw new Error('they are all known')
      longestMs = Math.max(longestMs, now - Date.parse(list.listedAt))
      subjects.set(subject, { ...list, listedAt: iso(now) })
    }
  }
  return { asked, longestMs }
}

describe('referrer lists of old digests', () => {
  test('are each asked for within the recheck time, and each pass asks for about as many', () => {
    const shape = fc.record({
      count: fc.integer({ min: 1, max: 300 }),
      everyMinutes: fc.integer({ min: 1, max: 90 }),
      ages: fc.array(fc.nat(59), { minLength: 1, maxLength: 20 }),
    })
    fc.assert(
      fc.property(shape, ({ count, everyMinutes, ages }) => {
        const everyMs = everyMinutes * MINUTE_MS
        const recheckMs = 60 * MINUTE_MS
        const start = lists(count, (i) => START - (ages[i % ages.length] ?? 0) * MINUTE_MS)
        const passes = Math.max(1, Math.floor((recheckMs * 1.1) / everyMs))
        // The first round may be uneven, as lists may be on the verge of being too old.
        run(start, { passes: passes * 2, everyMs, recheckMs })
        const shifted = new Map(
          [...start].map(([subject, list]) => {
            if (list === undefined) return [subject, list]
            return [subject, { ...list, listedAt: iso(Date.parse(list.listedAt) - passes * 2 * everyMs) }]
          }),
        )
        const { asked, longestMs } = run(shifted as typeof start, { passes: passes * 3, everyMs, recheckMs })
        expect(longestMs).toBeLessThanOrEqual(Math.max(recheckMs * 1.1, everyMs))
        for (const number of asked) expect(number).toBeLessThanOrEqual(Math.ceil(count / passes))
      }),
      { numRuns: 60 },
    )
  })

  test('after a look at all of them at once they are spread again by themselves', () => {
    const subjects = lists(400, () => START)
    const { asked, longestMs } = run(subjects, { passes: 8, everyMs: 15 * MINUTE_MS, recheckMs: 60 * MINUTE_MS })
    expect(asked).toEqual(Array.from({ length: 8 }, () => 100))
    expect(longestMs).toBe(60 * MINUTE_MS)
  })

  test('are asked for no more often than their time demands: over as many passes as fit into it each is asked for once', () => {
    const shape = fc.record({
      count: fc.integer({ min: 1, max: 60 }),
      recheckMinutes: fc.constantFrom(15, 60, 90, 120),
      late: fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: 40, maxLength: 40 }),
    })
    fc.assert(
      fc.property(shape, ({ count, recheckMinutes, late }) => {
        const everyMs = 15 * MINUTE_MS
        const passes = recheckMinutes / 15
        const subjects = lists(count, () => START)
        const asked: number[] = []
        for (const [i, jitter] of late.entries()) {
          // Passes are late or early by a tenth each, as planned ones are; their sum does not run away here.
          const now = new Date(START + (i + 1 + jitter / 2) * everyMs)
          const due = dueLists({ subjects, recheckMs: recheckMinutes * MINUTE_MS, nextPassMs: everyMs, now })
          asked.push(due.size)
          for (const subject of due) {
            const list = subjects.get(subject)
            if (list === undefined) throw new Error('they are all known')
            expect(now.getTime() - Date.parse(list.listedAt)).toBeLessThanOrEqual(recheckMinutes * MINUTE_MS * 1.1)
            subjects.set(subject, { ...list, listedAt: now.toISOString() })
          }
        }
        // Whatever asked for fewer would leave one out, and that one would be too old by the next pass.
        const round = (from: number) => asked.slice(from, from + passes).reduce((sum, number) => sum + number, 0)
        for (let from = 0; from + passes <= asked.length; from++) expect(round(from)).toBe(count)
        for (const number of asked) expect(number).toBeLessThanOrEqual(Math.ceil(count / passes))
      }),
    )
  })

  test('after a day without a pass all of them are asked for at once', () => {
    const subjects = lists(100, () => START - DAY_MS)
    const due = dueLists({ subjects, recheckMs: 3_600_000, nextPassMs: 900_000, now: new Date(START) })
    expect(due.size).toBe(100)
  })
})

describe('asked for in every pass', () => {
  const base = { nextPassMs: 900_000, recheckMs: 3_600_000, now: new Date(START) }
  test('what is not known, what changed within a day, and everything when recheck is 0', () => {
    expect(dueLists({ ...base, subjects: new Map([[subjectAt(1), undefined]]) }).size).toBe(1)
    expect(dueLists({ ...base, subjects: lists(50, () => START - 1, START - DAY_MS + 1) }).size).toBe(50)
    expect(dueLists({ ...base, subjects: lists(50, () => START - 900_000, START - DAY_MS) }).size).toBe(12)
    // Right after another pass.
    expect(dueLists({ ...base, subjects: lists(50, () => START - 1, START - DAY_MS) }).size).toBe(0)
    expect(dueLists({ ...base, recheckMs: 0, subjects: lists(50, () => START - 1) }).size).toBe(50)
  })

  test('what a clock that has been set back since has written', () => {
    expect(dueLists({ ...base, subjects: lists(5, () => START + DAY_MS) }).size).toBe(5)
  })
})
