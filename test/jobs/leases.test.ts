import { expect, test } from 'bun:test'
import { extendLease, findLease, voidLeases } from '../../src/db/platform/leases.ts'
import { acquireLease } from '../../src/jobs/leases.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('leases', (openFresh) => {
  const clockAt = (time: { ms: number }): Clock => ({ now: () => new Date(time.ms) })

  test('one holder at a time; each taking has a higher generation', async () => {
    const db = await openFresh()
    const clock = clockAt({ ms: 1_000_000 })
    const o = { db, clock, key: 'mirror:1', ttlMs: 30_000 }
    const first = await acquireLease({ ...o, holder: 'a' })
    expect(first?.generation).toBe(1)
    expect(await acquireLease({ ...o, holder: 'b' })).toBeUndefined()
    expect((await acquireLease({ ...o, key: 'mirror:2', holder: 'b' }))?.generation).toBe(1)
    await first?.release()
    const second = await acquireLease({ ...o, holder: 'b' })
    expect(second?.generation).toBe(2)
    // Releasing what is no longer one's own changes nothing.
    await first?.release()
    expect((await findLease(db.read, 'mirror:1'))?.holder).toBe('b')
    await second?.release()
  })

  test('a lease whose time is over is taken by another, and the old generation cannot extend it', async () => {
    const db = await openFresh()
    const time = { ms: 1_000_000 }
    const o = { db, clock: clockAt(time), key: 'mirror:1', ttlMs: 30_000 }
    const first = await acquireLease({ ...o, holder: 'a' })
    time.ms += 30_000
    const second = await acquireLease({ ...o, holder: 'b' })
    expect([first?.generation, second?.generation]).toEqual([1, 2])
    const late = { key: 'mirror:1', generation: 1, expiresAt: new Date(time.ms + 30_000).toISOString() }
    expect(await db.write((tx) => extendLease(tx, late))).toBe(false)
    await second?.release()
  })

  test('a holder whose lease is gone learns it by its signal', async () => {
    const db = await openFresh()
    const lease = await acquireLease({ db, clock: { now: () => new Date() }, key: 'mirror:1', holder: 'a', ttlMs: 60 })
    if (lease === undefined) throw new Error('nobody holds it')
    await db.write((tx) => voidLeases(tx, 'mirror:'))
    await new Promise((resolve) => lease.signal.addEventListener('abort', resolve))
    expect(lease.signal.reason).toMatchObject({ code: 'CONFLICT' })
  })
})
