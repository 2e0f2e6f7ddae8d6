// Lines of deliveries to receivers that hang, and to others that do not: over real connections.
import { expect, test } from 'bun:test'
import { deliveringInstances } from '../support/delivering.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { atLeast } from '../support/webhook-receiver.ts'

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
})
