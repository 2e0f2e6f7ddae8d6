// How many requests are under way follows what the registry bears. Time is what the registry of the test takes, nothing else.
import { expect, test } from 'bun:test'
import { createRequestWindow, FIRST_REQUESTS } from '../../src/net/request-window.ts'

const START = Date.parse('2026-11-01T12:00:00Z')

/** A registry that serves `places` at once, 20 ms each, and lets the others wait; asked as often as the window allows. */
function against(options: { most?: number; places?: number } = {}) {
  const { most = 64 } = options
  let nowMs = START
  const kept: number[] = []
  const window = createRequestWindow({ most, nowMs: () => nowMs, onJudged: () => kept.push(window.size) })
  const registry = { places: options.places ?? Number.POSITIVE_INFINITY }
  /** As many as the window allows at once, answered in their order. */
  const round = (size = window.size) => {
    const trips = Array.from({ length: size }, (_, i) => window.begin(i + 1 >= window.size))
    for (const [i, trip] of trips.entries()) window.answered(trip, 20 * (1 + Math.floor(i / registry.places)))
    nowMs += 20
  }
  return {
    window,
    registry,
    round,
    rounds(count: number) {
      for (let i = 0; i < count; i++) round()
    },
    pass: (ms: number) => {
      nowMs += ms
    },
    now: () => nowMs,
    kept,
  }
}

test('goes up by one for each window of answers, to the most', () => {
  const { window, round, rounds } = against()
  expect(window.size).toBe(FIRST_REQUESTS)
  round()
  expect(window.size).toBe(FIRST_REQUESTS + 1)
  rounds(100)
  expect(window.size).toBe(64)
})

test('stays where it is as long as it was never full', () => {
  const { window, round } = against()
  for (let i = 0; i < 100; i++) round(3)
  expect(window.size).toBe(FIRST_REQUESTS)
})

test('what went wrong in between is no window of answers', () => {
  const { window } = against()
  for (let i = 0; i < 100; i++) {
    window.answered(window.begin(true), 20)
    if (i % 7 === 6) window.failed()
  }
  expect(window.size).toBe(FIRST_REQUESTS)
})

test('a burst of refusals halves it once; the next one does again', () => {
  const { window, rounds, pass } = against()
  rounds(24)
  expect(window.size).toBe(32)
  const burst = Array.from({ length: 32 }, () => window.begin(true))
  expect(burst.map((trip) => window.refused(trip)).filter((isHalved) => isHalved)).toHaveLength(1)
  expect(window.size).toBe(16)
  // Later ones of the same burst.
  pass(500)
  expect(window.refused(burst[0] ?? window.begin(true))).toBe(false)
  // What was answered of it says nothing of the smaller window.
  for (const trip of burst) window.answered(trip, 20)
  expect(window.size).toBe(16)
  expect(window.refused(window.begin(true))).toBe(true)
  expect(window.size).toBe(8)
  expect(window.refused(window.begin(true))).toBe(false)
})

test('a registry that lets more than it serves wait holds it, for as long as it is asked', () => {
  const { window, rounds } = against({ places: 16 })
  rounds(200)
  const reached = window.size
  expect(reached).toBeGreaterThanOrEqual(16)
  expect(reached).toBeLessThanOrEqual(33)
  // An hour, in which what was the least is forgotten again and again.
  rounds(180_000)
  expect(window.size).toBeLessThanOrEqual(33)
})

test('comes down when the registry becomes slower, and goes up when it is as before', () => {
  const { window, registry, rounds } = against()
  rounds(60)
  expect(window.size).toBe(64)
  registry.places = 8
  rounds(200)
  expect(window.size).toBeLessThanOrEqual(25)
  registry.places = 100
  rounds(200)
  expect(window.size).toBe(64)
})

test('a full line holds it: each connection brings less', () => {
  const { window, pass } = against()
  const MIB = 1024 * 1024
  for (let i = 0; i < 200; i++) {
    const trips = Array.from({ length: window.size }, (_, n) => window.begin(n + 1 >= window.size))
    // 100 MiB a second for all of them together; the headers come as fast as ever.
    for (const trip of trips) {
      window.brought(trip, MIB, trips.length * 10)
      window.answered(trip, 20)
    }
    pass(trips.length * 10)
  }
  expect(window.size).toBeGreaterThanOrEqual(FIRST_REQUESTS)
  expect(window.size).toBeLessThanOrEqual(2 * FIRST_REQUESTS + 1)
})

test('what others or an earlier life have learned counts by its age, and what is older than what is known does not', () => {
  const day = 24 * 60 * 60 * 1000
  const fresh = against()
  fresh.window.adopt(48, START - day)
  expect(fresh.window.size).toBe(28)
  fresh.window.adopt(4, START - 2 * day)
  expect(fresh.window.size).toBe(28)
  fresh.rounds(1)
  fresh.window.adopt(60, START)
  expect(fresh.window.size).toBe(29)
  // Nobody asks for a day.
  fresh.pass(day)
  fresh.window.begin(false)
  expect(fresh.window.size).toBeLessThan(20)
})
