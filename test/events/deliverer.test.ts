// What time does to deliveries: given up after a day, webhooks disabled after days, rows kept for a while; and what a server writes that was
// thought dead. With a clock that the test moves, over both engines.
import { expect, test } from 'bun:test'
import type { Database } from '../../src/db/engine/engine.ts'
import { listEvents } from '../../src/db/platform/events.ts'
import { claimLease } from '../../src/db/platform/leases.ts'
import { type KeepDeps, keepOutbox } from '../../src/events/keep.ts'
import { fanOut } from '../../src/events/outbox.ts'
import { DELIVERY_LIFE_MS, DISABLE_AFTER_MS, RETRY_WAITS_MS, WAITING_LIFE_MS } from '../../src/events/schedule.ts'
import { DAY_MS, deliveringInstances, until } from '../support/delivering.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { atLeast, status } from '../support/webhook-receiver.ts'

const { instance, receiverOf } = deliveringInstances()

describeOnEachEngine('Deliveries and time', (openFresh) => {
  test('what nobody takes is tried for a day, then dead; asked for again, it has its old id and a day more', async () => {
    const one = await instance(await openFresh())
    const receiver = await receiverOf(status(500))
    await one.hook(receiver.url)
    await one.deliver()
    await one.move('v1')
    const all = RETRY_WAITS_MS.length + 1
    for (let tries = 1; tries <= all; tries++) {
      const [delivery] = await until(one.deliveries, ([first]) => first?.attempts.length === tries)
      expect([tries, delivery?.status]).toEqual([tries, tries === all ? 'dead' : 'failed'])
      if (delivery?.nextAt !== null && delivery !== undefined) one.goTo(delivery.nextAt)
    }
    const [first, ...others] = receiver.received.map(({ headers }) => headers['webhook-id'])
    expect([others.length, new Set(others)]).toEqual([all - 1, new Set([first])])
    receiver.answerWith(status(200))
    await one.webhooks.redeliver(one.scope, 'ci', { failedSince: '2026-01-31' })
    const [again] = await until(one.deliveries, ([delivery]) => delivery?.status === 'delivered')
    expect([again?.id, again?.attempts.length]).toEqual([first, all + 1])
  })

  test('a webhook without a success for five days is disabled, with the reason and an event', async () => {
    const one = await instance(await openFresh())
    const receiver = await receiverOf(status(500))
    await one.hook(receiver.url)
    await one.deliver()
    await one.move('v1')
    await until(one.deliveries, ([first]) => first?.attempts.length === 1)
    const failing = await one.webhooks.show(one.scope, 'ci')
    expect([failing.enabled, failing.failingSince]).toEqual([true, '2026-01-31T12:00:00.000Z'])
    one.pass(DISABLE_AFTER_MS)
    await one.move('v2')
    const disabled = await until(
      () => one.webhooks.show(one.scope, 'ci'),
      ({ enabled }) => !enabled,
    )
    expect(disabled.disabledReason).toBe(
      'no delivery has succeeded since 2026-01-31T12:00:00.000Z; the last failure: the receiver answered 500',
    )
    const events = await listEvents(one.db.read, 0, 100)
    expect(events.at(-1)).toMatchObject({ kind: 'webhook.disabled', actor: 'system' })
  })

  test('one success ends the count of failures', async () => {
    const one = await instance(await openFresh())
    const receiver = await receiverOf(status(500))
    await one.hook(receiver.url)
    await one.deliver()
    await one.move('v1')
    await until(one.deliveries, ([first]) => first?.attempts.length === 1)
    receiver.answerWith(status(204))
    await one.move('v2')
    await until(one.deliveries, ([newest]) => newest?.status === 'delivered')
    expect((await one.webhooks.show(one.scope, 'ci')).failingSince).toBeNull()
  })

  test('what a disabled webhook had in line is kept for a day, and goes out when it is enabled in time', async () => {
    const one = await instance(await openFresh())
    const receiver = await receiverOf()
    await one.hook(receiver.url)
    await one.move('v1')
    const fence = await fenceOf(one.db)
    await fanOut({ db: one.db, clock: one.clock, fence, isUnderWay: () => false })
    await one.webhooks.change(one.scope, 'ci', { enabled: false })
    await one.deliver()
    one.pass(DELIVERY_LIFE_MS / 2)
    await one.move('v2')
    await one.webhooks.change(one.scope, 'ci', { enabled: true })
    await receiver.until(atLeast(1))
    const [only, ...none] = await until(one.deliveries, ([first]) => first?.status === 'delivered')
    expect([only?.tag, none]).toEqual(['v1', []])
  })
})

const FENCE = 'webhooks:outbox'

async function fenceOf(db: Database, holder = 'one', now = '2026-01-01', expiresAt = '2026-01-02') {
  const generation = await db.write((tx) => claimLease(tx, { key: FENCE, holder, now, expiresAt }))
  if (generation === undefined) throw new Error('the lease is held')
  return { key: FENCE, generation }
}

describeOnEachEngine('The outbox', (openFresh) => {
  test('a server that has lost the lease moves nothing', async () => {
    const one = await instance(await openFresh())
    await one.hook('http://127.0.0.1:1/')
    await one.move('v1')
    const old = await fenceOf(one.db)
    const present = await fenceOf(one.db, 'two', '2026-01-03', '2026-01-04')
    const read = (fence: typeof old) => fanOut({ db: one.db, clock: one.clock, fence, isUnderWay: () => false })
    expect(read(old)).rejects.toThrow('held by another process')
    expect(await one.deliveries()).toEqual([])
    expect((await read(present)).webhookIds.length).toBe(1)
    // Two that read at once: the second finds the cursor moved.
    expect((await read(present)).webhookIds).toEqual([])
    expect((await one.deliveries()).length).toBe(1)
  })

  test('the same event read twice is the same delivery', async () => {
    const one = await instance(await openFresh())
    await one.hook('http://127.0.0.1:1/')
    await one.move('v1')
    const fence = await fenceOf(one.db)
    const read = () => fanOut({ db: one.db, clock: one.clock, fence, isUnderWay: () => false })
    await read()
    const [before] = await one.deliveries()
    await one.db.write((tx) => tx.deleteFrom('webhook_deliveries').execute())
    await one.db.write((tx) => tx.updateTable('event_cursors').set({ seq: 0 }).execute())
    await read()
    expect((await one.deliveries()).map(({ id }) => id)).toEqual([before?.id ?? ''])
    // Where it is there already, nothing changes.
    await one.db.write((tx) => tx.updateTable('event_cursors').set({ seq: 0 }).execute())
    await read()
    expect((await one.deliveries()).length).toBe(1)
  })

  test('what is too old is given up with the reason, and goes after a month; too much is cut', async () => {
    const one = await instance(await openFresh())
    await one.hook('http://127.0.0.1:1/', { name: 'scan' })
    await one.hook('http://127.0.0.1:1/', { name: 'ci', after: 'scan' })
    await one.move('v1')
    const fence = await fenceOf(one.db)
    const under = { isUnderWay: () => false, drop: () => {} }
    await fanOut({ db: one.db, clock: one.clock, fence, ...under })
    const keep = (limits?: KeepDeps['limits']) => {
      const signal = new AbortController().signal
      return keepOutbox({
        db: one.db,
        clock: one.clock,
        fence,
        signal,
        ...under,
        ...(limits === undefined ? {} : { limits }),
      })
    }
    one.pass(DELIVERY_LIFE_MS + 1)
    await keep()
    expect((await one.deliveries('scan'))[0]).toMatchObject({
      status: 'dead',
      error: 'not tried within its time: the webhook was disabled, or its receiver too slow',
    })
    expect((await one.deliveries('ci'))[0]?.error).toStartWith('not started, because scan had no success: not tried')
    one.pass(31 * DAY_MS)
    await keep()
    expect([await one.deliveries('scan'), await one.deliveries('ci')]).toEqual([[], []])

    for (let i = 0; i < 6; i++) await one.move(`w${i}`)
    await fanOut({ db: one.db, clock: one.clock, fence, ...under })
    await keep({ maxKept: 100, maxOpen: 4 })
    const scans = await one.deliveries('scan')
    expect(scans.map((delivery) => delivery.status).sort()).toEqual(['dead', 'dead', ...Array(4).fill('pending')])
    expect(scans.find((delivery) => delivery.status === 'dead')?.error).toBe(
      'given up: more than 4 deliveries wait for this webhook',
    )
    // Nothing is ever said of those that wait: they end too.
    one.pass(WAITING_LIFE_MS + 1)
    await keep({ maxKept: 3, maxOpen: 100 })
    expect((await one.deliveries('ci')).every((delivery) => delivery.status === 'dead')).toBe(true)
    expect((await one.deliveries('ci')).length).toBeLessThanOrEqual(3)
  })
})
