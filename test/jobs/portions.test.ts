// Places that several processes on one database share: each an own connection of its own here, with a clock that the test moves.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Database } from '../../src/db/engine/engine.ts'
import { fairParts } from '../../src/jobs/fair-parts.ts'
import { createPortions } from '../../src/jobs/portions.ts'
import { createPresence } from '../../src/jobs/presence.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createSharedSlots } from '../../src/net/portions.ts'
import { describeOnEachEngine } from '../support/engines.ts'

/** Those who have got their place have said so. */
const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

describe('fair parts', () => {
  const crowd = fc
    .array(fc.nat(30), { minLength: 1, maxLength: 12 })
    .map((wants) => wants.map((wanted, i) => ({ holder: `h${i}`, wanted })))

  test('any crowd: all of it is given, nobody has less than others who want less, whatever the order', () => {
    fc.assert(
      fc.property(fc.nat(40), crowd, fc.nat(20), (total, all, turn) => {
        const parts = fairParts(total, all, turn)
        const part = (holder: string) => parts.get(holder) ?? 0
        expect([...parts.values()].reduce((sum, one) => sum + one, 0)).toBe(total)
        expect(fairParts(total, all.toReversed(), turn)).toEqual(parts)
        for (const one of all) {
          if (part(one.holder) >= one.wanted) continue
          // Who lacks something lacks it for others who have no more than one more.
          for (const other of all) expect(part(other.holder)).toBeLessThanOrEqual(part(one.holder) + 1)
        }
      }),
    )
  })

  test('what does not come out even goes round', () => {
    const all = ['a', 'b', 'c'].map((holder) => ({ holder, wanted: 5 }))
    const first = [0, 1, 2, 3].map((turn) => [...fairParts(1, all, turn)].find(([, part]) => part === 1)?.[0])
    expect(first).toEqual(['a', 'b', 'c', 'a'])
  })
})

describeOnEachEngine('places that processes share', (openFresh) => {
  const TTL_MS = 20_000

  /** `processes` of them, whose clocks are one; nothing looks by itself. */
  async function open(total: number, processes: number) {
    const db = await openFresh()
    const time = { ms: Date.parse('2026-11-01T12:00:00Z') }
    const clock = { now: () => new Date(time.ms) }
    const all = Array.from({ length: processes }, () => processOn(db, clock, total))
    return { db, time, all }
  }

  function processOn(db: Database, clock: { now(): Date }, total: number) {
    const presence = createPresence({ db, clock, ttlMs: TTL_MS })
    const portions = createPortions({ db, clock, presence, logger: createLogger('silent'), lookEveryMs: 0 })
    const slots = createSharedSlots(portions, 'pool', { total, bulkOf: (places) => places })
    const releases: (() => void)[] = []
    return {
      presence,
      portions,
      slots,
      releases,
      /** Asks for so many. */
      ask(count: number) {
        for (let i = 0; i < count; i++) void slots.acquire('small').then((release) => releases.push(release))
      },
      async look() {
        await portions.look()
        await settled()
      },
      async end(count: number) {
        for (const release of releases.splice(0, count)) release()
        await settled()
      },
    }
  }
  type Process = ReturnType<typeof processOn>
  const inUse = (all: readonly Process[]) => all.map(({ slots }) => slots.inUse)
  const row = (db: Database) => db.read.selectFrom('shared_portions').selectAll().execute()

  test('one that is alone has all of them after one write, and gives them back when it has had no use for them', async () => {
    const { db, time, all } = await open(8, 1)
    const [one] = all as [Process]
    one.ask(20)
    await one.look()
    expect([inUse(all), one.slots.total]).toEqual([[8], 8])
    const written = await row(db)
    for (let i = 0; i < 20; i++) await one.end(1)
    await one.look()
    expect(await row(db)).toEqual(written.map((was) => ({ ...was, wanted: 8 })))
    await one.end(100)
    expect(one.slots.inUse).toBe(0)
    await one.look()
    expect(await row(db)).toHaveLength(1)
    time.ms += 5_000
    await one.look()
    expect(await row(db)).toEqual([])
    // And has them again.
    one.ask(3)
    await one.look()
    expect(one.slots.inUse).toBe(3)
    await one.portions.close()
    expect(await row(db)).toEqual([])
  })

  test('who comes later gets its part as the requests of the first end, and never are there more than there are places', async () => {
    const { all } = await open(8, 2)
    const [one, two] = all as [Process, Process]
    one.ask(100)
    await one.look()
    two.ask(100)
    await two.look()
    expect(inUse(all)).toEqual([8, 0])
    await one.look()
    for (let i = 0; i < 8; i++) {
      await one.end(1)
      await one.look()
      await two.look()
      expect(one.slots.inUse + two.slots.inUse).toBeLessThanOrEqual(8)
    }
    expect(inUse(all)).toEqual([4, 4])
    // One that wants little leaves the rest to others.
    await two.end(4)
    for (let left = 96; left > 2; left -= 4) {
      await two.end(4)
    }
    await two.look()
    await one.look()
    await two.look()
    await one.look()
    expect(one.slots.inUse).toBeGreaterThan(4)
    expect(one.slots.inUse + two.slots.inUse).toBeLessThanOrEqual(8)
  })

  test('any order of asking, ending and looking keeps the total', async () => {
    const step = fc.record({
      who: fc.nat(2),
      what: fc.constantFrom('ask', 'end', 'look', 'time'),
      count: fc.integer({ min: 1, max: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 2, 8), fc.array(step, { maxLength: 40 }), async (total, steps) => {
        const { db, time, all } = await open(total, 3)
        for (const { who, what, count } of steps) {
          const one = all[who] as Process
          if (what === 'ask') one.ask(count)
          else if (what === 'end') await one.end(count)
          else if (what === 'time') time.ms += 1_000
          else await one.look()
          const sum = all.reduce((all, { slots }) => all + slots.inUse, 0)
          expect(sum).toBeLessThanOrEqual(total)
        }
        // And nobody waits for ever: with all that is held ended again and again, everybody has had its turn.
        for (let round = 0; round < 200 && all.some(({ slots }) => slots.wanted > 0); round++) {
          time.ms += 500
          for (const one of all) {
            await one.end(100)
            await one.look()
          }
        }
        expect(all.map(({ slots }) => slots.wanted)).toEqual([0, 0, 0])
        for (const one of all) {
          await one.portions.close()
          await one.presence.close()
        }
        expect(await row(db)).toEqual([])
      }),
      { numRuns: 8 },
    )
  }, 60_000)

  test('what a dead process held is taken over when its lease is over', async () => {
    const { time, all } = await open(8, 2)
    const [dead, heir] = all as [Process, Process]
    dead.ask(8)
    await dead.look()
    heir.ask(8)
    await heir.look()
    expect(inUse([heir])).toEqual([0])
    time.ms += TTL_MS + 1
    // As the heartbeat of a living one would.
    await heir.presence.close()
    await heir.look()
    expect(inUse([heir])).toEqual([8])
  })

  test('one that was asleep past its lease gives out nothing of its old part', async () => {
    const { time, all } = await open(8, 2)
    const [sleeper, heir] = all as [Process, Process]
    sleeper.ask(4)
    await sleeper.look()
    expect(sleeper.slots.total).toBe(8)
    time.ms += TTL_MS + 1
    expect(sleeper.slots.total).toBe(0)
    heir.ask(8)
    await heir.presence.close()
    await heir.look()
    expect(inUse([heir])).toEqual([8])
    // It ends what it had, and asks for more before it has looked, and after.
    sleeper.ask(8)
    await sleeper.end(4)
    expect(sleeper.slots.inUse).toBe(0)
    await sleeper.presence.close()
    await sleeper.look()
    expect([sleeper.slots.inUse, heir.slots.inUse]).toEqual([0, 8])
    await heir.look()
    await heir.end(4)
    await heir.look()
    await sleeper.look()
    expect([sleeper.slots.inUse, heir.slots.inUse]).toEqual([4, 4])
  })

  test('a process whose heartbeat was late for once has a break in its standing, though nobody took its lease', async () => {
    const db = await openFresh()
    let ms = Date.now()
    const clock = { now: () => new Date(ms) }
    const presence = createPresence({ db, clock, ttlMs: 60 })
    await presence.announce()
    const before = presence.standing()
    ms += 61
    expect(presence.standing()).toBeUndefined()
    // The heartbeat is by the clock of the machine.
    while (presence.standing() === undefined) await Bun.sleep(1)
    const after = presence.standing()
    expect(after).not.toBe(before)
    ms += 61
    // What hangs on it need not wait for the heartbeat.
    await presence.announce()
    expect([undefined, before, after]).not.toContain(presence.standing())
    await presence.close()
  })
})
