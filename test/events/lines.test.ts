// Lines of deliveries to receivers that hang, and to others that do not: over real connections.
import { expect, test } from 'bun:test'
import { supersede } from '../../src/db/webhooks/supersede.ts'
import { AppError } from '../../src/errors.ts'
import { deliveringInstances, lateReads, until } from '../support/delivering.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type Answer, atLeast } from '../support/webhook-receiver.ts'

const { instance, receiverOf } = deliveringInstances()
const hang = () => {}
const tags = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`)

describeOnEachEngine('Lines', (openFresh) => {
  test('an event reaches an instant receiver at once while those of two other organizations hang', async () => {
    const db = await openFresh()
    const [a, b, c] = [
      await instance(db, { organization: 'a', isPatient: true }),
      await instance(db, { organization: 'b' }),
      await instance(db, { organization: 'c' }),
    ]
    const hung = await receiverOf(hang)
    const good = await receiverOf()
    for (const one of [a, b]) for (const name of tags(12)) await one.hook(`${hung.url}/${name}`, { name })
    await c.hook(good.url)
    for (const one of [a, b]) await one.move(...tags(20))
    await a.deliver()
    await hung.until(atLeast(192))
    await c.move('v1')
    await good.until(atLeast(1))
    await c.move('v2')
    await good.until(atLeast(2))
    expect(good.received.map(({ json }) => json.kagami.tag)).toEqual(['v1', 'v2'])
    hung.stop()
  })
  test('what was never sent lets the next go only after those before it', async () => {
    const one = await instance(await openFresh())
    const receiver = await receiverOf()
    await one.hook(receiver.url)
    const mayRender = Promise.withResolvers<void>()
    await one.deliver({
      render: async ({ payload }) => {
        if (payload.tag === 'a') await mayRender.promise
        if (payload.tag === 'b') throw new AppError('INTERNAL', 'it cannot be made')
        return { body: JSON.stringify({ tag: payload.tag }), headers: {} }
      },
    })
    await one.move('a', 'b', 'c', 'd')
    await until(one.deliveries, (all) => all.some(({ tag, status }) => tag === 'b' && status === 'failed'))
    mayRender.resolve()
    await receiver.until(atLeast(3))
    expect(receiver.received.map(({ body }) => JSON.parse(body).tag)).toEqual(['a', 'c', 'd'])
  })

  test('a redelivery that is asked for while an attempt runs takes place, whatever becomes of that attempt', async () => {
    const one = await instance(await openFresh())
    const held: (() => void)[] = []
    const answers =
      (code: number): Answer =>
      (_, response) =>
        held.push(() => response.writeHead(code).end())
    const receiver = await receiverOf(answers(500))
    /** Lets the attempt end, and has what is due looked for. */
    const end = async (number: number) => {
      held.shift()?.()
      await until(one.deliveries, ([delivery]) => delivery?.attempts.length === number)
      one.pass(0)
    }
    await one.hook(receiver.url)
    await one.deliver()
    await one.move('v1')
    await receiver.until(atLeast(1))
    const [first] = await one.deliveries()
    await one.webhooks.redeliver(one.scope, 'ci', { delivery: first?.id })
    receiver.answerWith(answers(200))
    await end(1)
    await receiver.until(atLeast(2))
    // Once more, while the second runs, which succeeds.
    await one.webhooks.redeliver(one.scope, 'ci', { delivery: first?.id })
    await end(2)
    await receiver.until(atLeast(3))
    await end(3)
    const [last] = await one.deliveries()
    expect([last?.status, last?.attempts.map(({ status }) => status)]).toEqual(['delivered', [500, 200, 200]])
  })

  test('what was read of a delivery before its attempt was written down sends nothing after it', async () => {
    const one = await instance(await openFresh())
    // SQLite reads on one connection, at once: nothing is written down in between.
    if (one.db.engine === 'sqlite') return
    const held: (() => void)[] = []
    const receiver = await receiverOf((_, response) => held.push(() => response.writeHead(200).end()))
    const reads: (() => void)[] = []
    let seen = Promise.withResolvers<void>()
    let isLate = false
    const db = lateReads(one.db, (query, rows) => {
      if (!isLate || rows.length === 0 || !JSON.stringify(query).includes('"due_at"')) return undefined
      if (!Object.hasOwn(rows[0] ?? {}, 'payload')) return undefined
      isLate = false
      seen.resolve()
      return new Promise<void>((resolve) => reads.push(resolve))
    })
    /** Asks for it once more while its attempt runs, which ends and is written down while what is due is being read. */
    const again = async (number: number) => {
      const [delivery] = await one.deliveries()
      seen = Promise.withResolvers()
      isLate = true
      await one.webhooks.redeliver(one.scope, 'ci', { delivery: delivery?.id })
      await seen.promise
      held.shift()?.()
      await until(one.deliveries, ([now]) => now?.attempts.length === number)
      reads.shift()?.()
      await receiver.until(atLeast(number + 1))
    }
    await one.hook(receiver.url)
    await one.deliver({ db })
    await one.move('v1')
    await receiver.until(atLeast(1))
    await again(1)
    await again(2)
    held.shift()?.()
    const [last] = await until(one.deliveries, ([now]) => now?.status === 'delivered')
    expect(last?.attempts.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(receiver.received).toHaveLength(3)
  })

  test('what a later move stands for stays over, though its attempt had begun', async () => {
    const db = await openFresh()
    const one = await instance(db)
    const held: (() => void)[] = []
    const receiver = await receiverOf((_, response) => held.push(() => response.writeHead(500).end()))
    await one.hook(receiver.url, { coalesce: true })
    await one.deliver()
    await one.move('v1')
    await receiver.until(atLeast(1))
    const [{ id = '', seq = 0 } = {}] = await one.deliveries()
    const { id: webhook_id } = await one.webhooks.show(one.scope, 'ci')
    const of = { id: 'later', webhook_id, repository_id: one.scope.repository?.id ?? '', tag: 'v1', event_seq: seq + 1 }
    // As it is where the attempt begins between the look at what is under way and the commit.
    const o = { at: one.clock.now().toISOString(), isUnderWay: () => false }
    expect(await db.write((tx) => supersede(tx, { ...of, kind: 'tag.moved' }, o))).toEqual([id])
    held.shift()?.()
    const [over] = await until(one.deliveries, ([delivery]) => delivery?.attempts.length === 1)
    expect([over?.status, over?.nextAt, over?.error]).toEqual([
      'dead',
      null,
      'a later move of the tag is delivered instead',
    ])
  })
  test('a receiver that says all that it was sent has nothing of it shown that is secret', async () => {
    const one = await instance(await openFresh())
    const receiver = await receiverOf(({ headers, json }, response) => {
      const said = Buffer.from(`${headers['x-token']} ${json.callback_url}`).toString('base64')
      response.writeHead(503, { 'x-said': said, 'retry-after': headers['x-token'] ?? '' })
      response.end(`${headers['x-token']} ${json.callback_url}`)
    })
    const token = 'tok_9f3aB77e1d2c6'
    await one.hook(receiver.url, { headers: { 'x-token': token } })
    await one.deliver()
    await one.move('v1')
    const [delivery] = await until(one.deliveries, ([first]) => first?.attempts.length === 1)
    const address = new URL(one.callbacks.urlOf(delivery?.id ?? '')).pathname.split('.').at(-1)?.slice(0, 43)
    const { error, attempts } = delivery ?? {}
    expect(error).toBe('the receiver answered 503 (Retry-After: [redacted])')
    expect(attempts?.[0]?.answer).toMatch(/^\[redacted\] http:.*\[redacted\]\/$/)
    expect(attempts?.[0]?.answerHeaders['x-said']).toContain('[redacted]')
    for (const secret of [token, address ?? '']) expect(JSON.stringify(delivery)).not.toContain(secret.slice(0, 8))
  })
})
