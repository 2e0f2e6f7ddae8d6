// What time does to deliveries: given up after a day, webhooks disabled after days, rows kept for a while; and what a server writes that was
// thought dead. With a clock that the test moves, over both engines.
import { expect, test } from 'bun:test'
import type { Database } from '../../src/db/engine/engine.ts'
import { listEvents } from '../../src/db/platform/events.ts'
import { readWebhookMeasures } from '../../src/db/webhooks/measures.ts'
import { takeCallback } from '../../src/events/callbacks.ts'
import { type KeepDeps, keepOutbox } from '../../src/events/keep.ts'
import { fanOut } from '../../src/events/outbox.ts'
import { DELIVERY_LIFE_MS, DISABLE_AFTER_MS, RETRY_WAITS_MS, WAITING_LIFE_MS } from '../../src/events/schedule.ts'
import { DAY_MS, deliveringInstances, fenceOf, until } from '../support/delivering.ts'
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

describeOnEachEngine('A server that delivers', (openFresh) => {
  for (const broken of ['stage', 'read'] as const) {
    test(`lets what is under way come to its end when the database fails once (${broken})`, async () => {
      const db = await openFresh()
      const one = await instance(db)
      const held: (() => void)[] = []
      const receiver = await receiverOf((_, response) => held.push(() => response.end()))
      await one.hook(receiver.url)
      const failed = Promise.withResolvers<void>()
      let mustFail = false
      const flaky = {
        ...db,
        get [broken]() {
          if (!mustFail) return db[broken]
          mustFail = false
          failed.resolve()
          throw new Error('connection terminated unexpectedly')
        },
      } as Database
      await one.deliver({ db: flaky })
      await one.move(...Array.from({ length: 16 }, (_, i) => `t${i}`))
      await receiver.until(atLeast(16))
      mustFail = true
      await one.move('next')
      await failed.promise
      one.pass(0)
      receiver.answerWith(status(200))
      for (const answer of held) answer()
      await one.move('last')
      const all = await until(one.deliveries, ([first]) => first?.tag === 'last' && first.status === 'delivered')
      expect(all.map(({ attempts }) => attempts.length)).toEqual(Array(18).fill(1))
      expect(receiver.received.length).toBe(18)
    })
  }
})

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

  test('reads the log while somebody deletes the webhook, and keeps nothing of it', async () => {
    const one = await instance(await openFresh())
    // SQLite has one writer.
    if (one.db.engine === 'sqlite') return
    const { id } = await one.hook('http://127.0.0.1:1/')
    await one.move('v1')
    const fence = await fenceOf(one.db)
    const [deleted, mayCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const deleting = one.db.write(async (tx) => {
      await tx.deleteFrom('webhooks').where('id', '=', id).execute()
      deleted.resolve()
      await mayCommit.promise
    })
    await deleted.promise
    const under = { isUnderWay: () => false, drop: () => {} }
    await fanOut({ db: one.db, clock: one.clock, fence, ...under })
    mayCommit.resolve()
    await deleting
    for await (const _ of keepOutbox({ db: one.db, clock: one.clock, fence, ...under }));
    expect(await one.db.read.selectFrom('webhook_deliveries').selectAll().execute()).toEqual([])
  })

  test('a deleted webhook, or one of a deleted repository, is gone at once; what it leaves goes bit by bit', async () => {
    const one = await instance(await openFresh())
    for (const name of ['ci', 'chat']) await one.hook('http://127.0.0.1:1/', { name })
    await one.move('v1', 'v2', 'v3')
    const fence = await fenceOf(one.db)
    const under = { isUnderWay: () => false, drop: () => {} }
    await fanOut({ db: one.db, clock: one.clock, fence, ...under })
    const [first] = await one.deliveries('ci')
    await one.webhooks.remove(one.scope, 'ci')
    const said = { state: 'success' } as const
    expect(takeCallback({ db: one.db, clock: one.clock, wake() {} }, first?.id ?? '', said)).rejects.toThrow('is gone')
    expect((await readWebhookMeasures(one.db.read)).open).toEqual({ pending: 3, failed: 0 })
    await one.db.write((tx) => tx.deleteFrom('repositories').execute())
    expect((await readWebhookMeasures(one.db.read)).open).toEqual({ pending: 0, failed: 0 })
    const left = async () => (await one.db.read.selectFrom('webhook_deliveries').select('id').execute()).length
    expect(await left()).toBe(6)
    const limits = { maxKept: 1000, maxOpen: 1000, batch: 2 }
    const counts = new Set<number>()
    for await (const _ of keepOutbox({ db: one.db, clock: one.clock, fence, ...under, limits }))
      counts.add(await left())
    expect([...counts]).toEqual([6, 4, 3, 1, 0])
  })

  test('is kept in short steps, whatever there is to be ended', async () => {
    const one = await instance(await openFresh())
    await one.hook('http://127.0.0.1:1/', { name: 'scan' })
    await one.hook('http://127.0.0.1:1/', { name: 'ci', after: 'scan' })
    await one.move(...Array.from({ length: 25 }, (_, i) => `t${i}`))
    const fence = await fenceOf(one.db)
    const under = { isUnderWay: () => false, drop: () => {} }
    await fanOut({ db: one.db, clock: one.clock, fence, ...under })
    one.pass(DELIVERY_LIFE_MS + 1)
    const limits = { maxKept: 1000, maxOpen: 1000, batch: 10 }
    const round = keepOutbox({ db: one.db, clock: one.clock, fence, ...under, limits })
    const ended = async (name: string) => (await one.deliveries(name)).filter(({ status }) => status === 'dead').length
    for (const [name, most] of [10, 20, 25].map((most) => ['scan', most] as const)) {
      await round.next()
      expect([await ended(name), await ended('ci')]).toEqual([most, most])
    }
    for await (const _ of round);
    expect((await one.deliveries('ci'))[0]?.error).toStartWith('not started, because scan had no success: not tried')
  })

  test('what is too old is given up with the reason, and goes after a month; too much is cut', async () => {
    const one = await instance(await openFresh())
    await one.hook('http://127.0.0.1:1/', { name: 'scan' })
    await one.hook('http://127.0.0.1:1/', { name: 'ci', after: 'scan' })
    await one.move('v1')
    const fence = await fenceOf(one.db)
    const under = { isUnderWay: () => false, drop: () => {} }
    await fanOut({ db: one.db, clock: one.clock, fence, ...under })
    const keep = async (limits?: KeepDeps['limits']) => {
      const round = keepOutbox({
        db: one.db,
        clock: one.clock,
        fence,
        ...under,
        ...(limits === undefined ? {} : { limits }),
      })
      let steps = 0
      for await (const _ of round) steps++
      return steps
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
