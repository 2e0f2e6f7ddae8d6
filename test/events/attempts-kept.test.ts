// What attempts of deliveries weigh in the database, and what a page of deliveries reads.
import { expect, test } from 'bun:test'
import type { UnknownRow } from 'kysely'
import type { WebhookDelivery } from '../../src/api/webhooks.ts'
import { type Outcome, recordOutcomes } from '../../src/db/webhooks/outcomes.ts'
import { fanOut } from '../../src/events/outbox.ts'
import { createWebhooks } from '../../src/events/webhooks.ts'
import { createSealer } from '../../src/lib/seal.ts'
import { deliveringInstances, fenceOf } from '../support/delivering.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const { instance } = deliveringInstances()
const AT = '2026-01-31T12:00:00.000Z'

function failed(webhookId: string, delivery: WebhookDelivery, number: number, weight: number): Outcome {
  const headers = JSON.stringify({ 'x-heavy': 'h'.repeat(weight) })
  return {
    attempt: {
      delivery_id: delivery.id,
      number,
      at: AT,
      status: 500,
      duration_ms: 5,
      reason: 'status',
      error: `the receiver answered 500 (${number})`,
      request_headers: headers,
      answer_headers: headers,
      answer: `no ${number}`,
    },
    webhookId,
    eventSeq: delivery.seq,
    tag: delivery.tag,
    generation: 0,
    status: 'failed',
    tries: number,
    dueAt: AT,
    delayMs: undefined,
  }
}

describeOnEachEngine('Attempts', (openFresh) => {
  async function withDeliveries(count: number) {
    const one = await instance(await openFresh())
    const { id } = await one.hook('http://127.0.0.1:1/')
    await one.move(...Array.from({ length: count }, (_, i) => `t${i}`))
    const fence = await fenceOf(one.db)
    await fanOut({ db: one.db, clock: one.clock, fence, isUnderWay: () => false })
    return { one, id, deliveries: await one.deliveries() }
  }

  test('are kept whole up to the third from the end, and by their outcome up to the fiftieth', async () => {
    const { one, id, deliveries } = await withDeliveries(2)
    for (let number = 1; number <= 60; number++) {
      const outcomes = deliveries.map((delivery) => failed(id, delivery, number, 10))
      await one.db.write((tx) => recordOutcomes(tx, outcomes, AT))
      if (number !== 5 && number !== 60) continue
      for (const { attempts } of await one.deliveries()) {
        expect(attempts.length).toBe(Math.min(number, 50))
        expect(attempts.at(-1)?.error).toBe(`the receiver answered 500 (${number})`)
        const whole = [number - 2, number - 1, number].map((at) => `no ${at}`)
        expect(attempts.map(({ answer }) => answer).filter((answer) => answer !== '')).toEqual(whole)
        const headers = attempts.filter((attempt) => Object.keys(attempt.requestHeaders).length > 0)
        expect([headers.length, attempts[0]?.status, attempts[0]?.durationMs]).toEqual([3, 500, 5])
      }
    }
  })

  test('are read for a page as far as the page goes', async () => {
    const { one, id, deliveries } = await withDeliveries(100)
    for (let number = 1; number <= 3; number++) {
      const outcomes = deliveries.map((delivery) => failed(id, delivery, number, 15_000))
      await one.db.write((tx) => recordOutcomes(tx, outcomes, AT))
    }
    let attempts = 0
    const read = one.db.read.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        attempts += result.rows.filter((row: UnknownRow) => row.answer !== undefined).length
        return result
      },
    })
    const sealer = createSealer(new Uint8Array(32).fill(7))
    const webhooks = createWebhooks({ db: { ...one.db, read }, clock: one.clock, sealer, wake() {} })
    const found: string[] = []
    let after: string | undefined
    do {
      attempts = 0
      const { items, next } = await webhooks.deliveries(one.scope, 'ci', { limit: 1000, after })
      found.push(...items.map((delivery) => delivery.id))
      expect(JSON.stringify(items).length).toBeLessThan(1_100_000)
      expect(attempts).toBeLessThan(150)
      after = next ?? undefined
    } while (after !== undefined)
    expect(found).toEqual(deliveries.map((delivery) => delivery.id))
  })
})
