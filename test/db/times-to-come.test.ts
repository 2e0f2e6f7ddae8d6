// What a clock wrote that has been set back since: brought back to the present on both engines; what may be planned stays.
import { expect, test } from 'bun:test'
import { bringBackTimes, hasFarTimes } from '../../src/db/mirrors/times-to-come.ts'
import { readFailedLogins } from '../../src/db/people/failed-logins.ts'
import { claimLease, findLease, listLeases } from '../../src/db/platform/leases.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const NOW = '2026-01-01T00:00:00.000Z'
const NEXT_YEAR = '2027-01-01T00:00:00.000Z'
const SOON = '2026-01-01T00:00:20.000Z'

describeOnEachEngine('times to come', (openFresh) => {
  test('a lease of next year is worth what a living holder needs, one of today is left alone', async () => {
    const db = await openFresh()
    await db.write((tx) => claimLease(tx, { key: 'mirror:today', holder: 'a', now: NOW, expiresAt: SOON }))
    expect(await hasFarTimes(db.read, NOW)).toBe(false)
    await db.write((tx) => claimLease(tx, { key: 'mirror:wrong', holder: 'a', now: NOW, expiresAt: NEXT_YEAR }))
    expect(await hasFarTimes(db.read, NOW)).toBe(true)
    await db.write((tx) => bringBackTimes(tx, { now: NOW, leasesUntil: '2026-01-01T00:00:30.000Z' }))
    expect(await hasFarTimes(db.read, NOW)).toBe(false)
    expect((await listLeases(db.read, 'mirror:')).map(({ key, expires_at }) => [key, expires_at]).sort()).toEqual([
      ['mirror:today', SOON],
      ['mirror:wrong', '2026-01-01T00:00:30.000Z'],
    ])
    const again = { key: 'mirror:wrong', holder: 'b', now: '2026-01-01T00:00:31.000Z', expiresAt: SOON }
    expect(await db.write((tx) => claimLease(tx, again))).toBe(2)
    expect((await findLease(db.read, 'mirror:wrong'))?.holder).toBe('b')
  })

  test('nobody is kept from logging in until next year', async () => {
    const db = await openFresh()
    const key = { account: 'owner', network: '127.0.0.1' }
    await db.write((tx) =>
      tx
        .insertInto('failed_logins')
        .values({ ...key, guess: 'x', failures: 50, ends_at: NEXT_YEAR })
        .execute(),
    )
    await db.write((tx) => bringBackTimes(tx, { now: NOW, leasesUntil: SOON }))
    expect((await readFailedLogins(db.read, key, NOW)).failures).toBe(50)
    expect((await readFailedLogins(db.read, key, '2026-01-01T00:05:01.000Z')).failures).toBe(0)
  })
})
