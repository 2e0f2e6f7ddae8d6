// What a clock wrote that has been set back since: brought back to the present on both engines; what may be planned stays.
import { expect, test } from 'bun:test'
import { bringBackTimes, hasFarTimes } from '../../src/db/mirrors/times-to-come.ts'
import { readFailedLogins } from '../../src/db/people/failed-logins.ts'
import { claimLease, findLease, listLeases } from '../../src/db/platform/leases.ts'
import type { WebhookDeliveryRow } from '../../src/db/schema.ts'
import { DELIVERY_LIFE_MS, nextTry, OLD_SECRET_MS, RETRY_WAITS_MS, WAITING_LIFE_MS } from '../../src/events/schedule.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { openOutbox } from '../support/outbox.ts'

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

  test('no webhook waits until next year, and what it may plan today stays', async () => {
    const one = await openOutbox(await openFresh())
    const { db } = one
    await one.hook('ci')
    await one.hook('deploy', { after: 'ci' })
    await one.happen(...['due', 'line', 'ended'].map((tag) => ['tag.moved', { tag, from: null, to: null }] as const))
    // It is held for longer than is planned here.
    await db.write((tx) => tx.deleteFrom('leases').execute())
    type Delivery = Partial<WebhookDeliveryRow>
    const set = async (values: Delivery, tag?: string) => {
      let query = db.read.selectFrom('webhook_deliveries').select('id')
      if (tag !== undefined) query = query.where('tag', '=', tag).where('waits', '=', 0)
      const ids = (await query.execute()).map(({ id }) => id)
      await db.write((tx) => tx.updateTable('webhook_deliveries').set(values).where('id', 'in', ids).execute())
    }
    const rows = async () => {
      const found = await db.read.selectFrom('webhook_deliveries').selectAll().execute()
      const ofCi = found.filter(({ waits }) => waits === 0).sort((a, b) => a.event_seq - b.event_seq)
      const waiting = found.find(({ waits }) => waits === 1)
      return [ofCi.map((row) => [row.due_at, row.expires_at, row.finished_at]), waiting?.expires_at]
    }
    const plus = (ms: number) => new Date(Date.parse(NOW) + ms).toISOString()
    // As far as anything is planned.
    const latest = nextTry({
      tries: RETRY_WAITS_MS.length,
      now: new Date(NOW),
      expiresAt: NEXT_YEAR,
      retryAfterMs: DELIVERY_LIFE_MS,
      random: 0.999,
    })
    const [day, twoDays] = [plus(DELIVERY_LIFE_MS), plus(WAITING_LIFE_MS)]
    await set({ expires_at: day })
    await set({ due_at: latest?.toISOString() ?? null, line: null }, 'due')
    await set({ finished_at: NOW, line: null, status: 'delivered' }, 'ended')
    await db.write((tx) =>
      tx.updateTable('webhook_deliveries').set({ expires_at: twoDays }).where('waits', '=', 1).execute(),
    )
    await db.write((tx) =>
      tx
        .updateTable('webhooks')
        .set({ failing_since: NOW, old_secret_until: plus(OLD_SECRET_MS) })
        .execute(),
    )
    const before = await rows()
    expect(await hasFarTimes(db.read, NOW)).toBe(false)
    await db.write((tx) => bringBackTimes(tx, { now: NOW, leasesUntil: SOON }))
    expect(await rows()).toEqual(before)

    const far: [() => Promise<unknown>, () => Promise<unknown>, unknown][] = [
      [() => set({ due_at: NEXT_YEAR }, 'due'), async () => (await rows())[0]?.[0]?.[0], NOW],
      [
        () => set({ expires_at: NEXT_YEAR }),
        rows,
        [
          [
            [NOW, day, null],
            [null, day, null],
            [null, NEXT_YEAR, NOW],
          ],
          twoDays,
        ],
      ],
      [() => set({ finished_at: NEXT_YEAR }, 'ended'), async () => (await rows())[0]?.[2]?.[2], NOW],
      ...(['failing_since', 'old_secret_until'] as const).map(
        (column): [() => Promise<unknown>, () => Promise<unknown>, unknown] => [
          () =>
            db.write((tx) =>
              tx
                .updateTable('webhooks')
                .set({ [column]: NEXT_YEAR })
                .execute(),
            ),
          async () => (await db.read.selectFrom('webhooks').select(column).executeTakeFirst())?.[column],
          column === 'failing_since' ? NOW : plus(OLD_SECRET_MS),
        ],
      ),
    ]
    for (const [goWrong, look, want] of far) {
      await goWrong()
      expect(await hasFarTimes(db.read, NOW)).toBe(true)
      await db.write((tx) => bringBackTimes(tx, { now: NOW, leasesUntil: SOON }))
      expect(await look()).toEqual(want)
      expect(await hasFarTimes(db.read, NOW)).toBe(false)
    }
  })
})
