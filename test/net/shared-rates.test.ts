// Limits that people set hold over all processes on one database, with a clock that only sleeping moves.
import { describe, expect, test } from 'bun:test'
import type { Database } from '../../src/db/engine/engine.ts'
import { findRate, type Rate } from '../../src/lib/rate.ts'
import type { Sleep } from '../../src/lib/retry.ts'
import { createRateGate, type RateGate } from '../../src/net/rate-gate.ts'
import { sharedRates } from '../../src/server/shared-budgets.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const START = Date.parse('2026-11-01T12:00:00Z')

/** Time that goes on to the next sleeper once nobody has anything else to do. */
function manyWorkers() {
  let nowMs = START
  const sleepers: { readonly atMs: number; readonly wake: () => void }[] = []
  const sleep: Sleep = (ms) =>
    new Promise((resolve) => {
      sleepers.push({ atMs: nowMs + ms, wake: resolve })
    })
  return {
    clock: { now: () => new Date(nowMs) },
    sleep,
    elapsedMs: () => nowMs - START,
    /** Until all of these have ended. @param busy how much is under way in the database */
    async run(work: readonly Promise<unknown>[], busy: () => number) {
      let isOver = false
      const all = Promise.all(work).finally(() => {
        isOver = true
      })
      while (!isOver) {
        await new Promise((resolve) => setImmediate(resolve))
        if (busy() > 0) continue
        await new Promise((resolve) => setImmediate(resolve))
        if (busy() > 0 || isOver) continue
        const next = Math.min(...sleepers.map(({ atMs }) => atMs))
        if (!Number.isFinite(next)) continue
        nowMs = Math.max(nowMs, next)
        const due = sleepers.filter(({ atMs }) => atMs <= nowMs)
        for (const one of due) {
          sleepers.splice(sleepers.indexOf(one), 1)
          one.wake()
        }
      }
      await all
    },
  }
}

function rate(text: string): Rate {
  const found = findRate(text)
  if (found === undefined) throw new Error(`${text} is no rate`)
  return found
}

describeOnEachEngine('limits that processes share', (openFresh) => {
  async function open(text: string, processes: number) {
    const db: Database = await openFresh()
    const world = manyWorkers()
    let busy = 0
    let takes = 0
    const shared = sharedRates(db, (name) => name)
    const ledger: typeof shared = {
      async take(...args) {
        busy++
        takes++
        return shared.take(...args).finally(() => busy--)
      },
    }
    const gates: RateGate[] = Array.from({ length: processes }, () =>
      createRateGate(rate(text), { clock: world.clock, sleep: world.sleep, ledger, name: 'x' }),
    )
    return { gates, run: (work: Promise<unknown>[]) => world.run(work, () => busy), world, takes: () => takes }
  }

  /** Each asks so many times, some at once. @returns when each was let through, in milliseconds */
  async function ask(
    { gates, run, world }: Awaited<ReturnType<typeof open>>,
    { each, atOnce }: { each: number; atOnce: number },
  ) {
    const passed = gates.map((): number[] => [])
    const work = gates.flatMap((gate, who) =>
      Array.from({ length: atOnce }, async () => {
        for (let i = 0; i < each / atOnce; i++) {
          await gate.pass([], {}, undefined)
          passed[who]?.push(world.elapsedMs())
        }
      }),
    )
    await run(work)
    return passed
  }

  /** No window of any length has more than a burst of a second and what the rate allows in it, with what may be late by a second. */
  function expectWithin(all: readonly number[], perSecond: number, slackMs: number) {
    const sorted = all.toSorted((a, b) => a - b)
    sorted.forEach((from, i) => {
      for (let j = i; j < sorted.length; j++) {
        const seconds = ((sorted[j] ?? 0) - from + slackMs) / 1000
        expect(j - i + 1).toBeLessThanOrEqual(Math.max(1, perSecond) + seconds * perSecond + 1e-6)
      }
    })
  }

  test('three at 10 a second: together no more than one alone, each its part, in few writes', async () => {
    const opened = await open('10/s', 3)
    const passed = await ask(opened, { each: 60, atOnce: 6 })
    expect(opened.world.elapsedMs()).toBeGreaterThanOrEqual(17_000)
    expect(opened.world.elapsedMs()).toBeLessThan(22_000)
    expectWithin(passed.flat(), 10, 0)
    // When half of it is over, everybody has had about a third.
    const half = opened.world.elapsedMs() / 2
    for (const mine of passed) expect(mine.filter((ms) => ms < half).length).toBeGreaterThan(15)
    expect(opened.takes()).toBeLessThan(60)
  })

  test('one alone has the whole rate, with a burst of a second, and asks once a second', async () => {
    const opened = await open('100/s', 1)
    const [passed] = await ask(opened, { each: 1000, atOnce: 8 })
    expect(passed?.filter((ms) => ms === 0)).toHaveLength(100)
    expect(opened.world.elapsedMs()).toBe(9_000)
    expect(opened.takes()).toBeLessThan(40)
  })

  test('2 an hour are 2 an hour for all together', async () => {
    const opened = await open('2/h', 2)
    const passed = await ask(opened, { each: 3, atOnce: 1 })
    expectWithin(passed.flat(), 2 / 3600, 0)
    // The first at once, five more half an hour each.
    expect(opened.world.elapsedMs()).toBeGreaterThanOrEqual(5 * 1_800_000)
    expect(opened.world.elapsedMs()).toBeLessThan(5 * 1_800_000 + 10_000)
  })

  test('bytes: 1 MB a second for all together', async () => {
    const opened = await open('1MB/s', 2)
    const { gates, run, world, takes } = opened
    await run(
      gates.map(async (gate) => {
        for (let i = 0; i < 100; i++) await gate.spend(50_000, undefined)
      }),
    )
    expect(world.elapsedMs()).toBeGreaterThanOrEqual(9_000)
    expect(world.elapsedMs()).toBeLessThan(11_000)
    expect(takes()).toBeLessThan(60)
  })
})

describe('what was taken before a sleep', () => {
  test('is not used after it', async () => {
    let nowMs = START
    const sleep: Sleep = async (ms) => {
      nowMs += ms
    }
    const taken: number[] = []
    let given: number | undefined
    const gate = createRateGate(rate('10/s'), {
      clock: { now: () => new Date(nowMs) },
      sleep,
      name: 'x',
      ledger: {
        async take(_name, { perMs }, { units, nowMs: now }) {
          taken.push(units)
          const fromMs = Math.max(given ?? 0, now - 1000)
          given = fromMs + units / perMs
          return { fromMs, isTaken: true }
        },
      },
    })
    for (let i = 0; i < 3; i++) await gate.pass([], {}, undefined)
    const before = taken.length
    // The machine was asleep: what is left of the slice is of a time that is over.
    nowMs += 60_000
    await gate.pass([], {}, undefined)
    expect(taken.length).toBe(before + 1)
  })
})
