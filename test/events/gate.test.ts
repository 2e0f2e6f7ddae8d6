// What the receiver of one webhook refuses does not reach the next one, unless somebody asks for just that.
import { expect, test } from 'bun:test'
import { endOldest } from '../../src/db/webhooks/keeping.ts'
import { findWebhook } from '../../src/db/webhooks/webhooks.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { digestOf, openOutbox } from '../support/outbox.ts'

const move = (tag: string) => ['tag.moved', { tag, from: null, to: digestOf('a') }] as const
const SINCE = { failedSince: '2020-01-01T00:00:00Z' }

describeOnEachEngine('A gate', (openFresh) => {
  test('holds when all that failed is delivered again', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('scan')
    await one.hook('deploy', { after: 'scan' })
    await one.hook('other', { after: 'scan', events: ['tag.moved', 'tag.removed'] })
    await one.happen(move('bad'), ['tag.removed', { tag: 'old', from: digestOf('a'), to: null }])
    await one.say('scan', 0, 'failure')
    for (const name of ['deploy', 'other']) {
      const before = await one.shown(name)
      expect(await one.webhooks.redeliver(one.scope, name, SINCE)).toEqual({ deliveries: [], more: false })
      expect(await one.shown(name)).toEqual(before)
    }
    // One of them by its id, or by its event, is what somebody wants.
    const [bad] = await one.list('deploy')
    await one.webhooks.redeliver(one.scope, 'deploy', { delivery: bad?.id ?? '' })
    expect(await one.shown('deploy')).toEqual(['tag.moved pending'])
    await one.webhooks.redeliver(one.scope, 'other', { event: bad?.eventId ?? '' })
    expect((await one.shown('other'))[0]).toBe('tag.moved pending')
  })

  test('that is taken away leaves nothing behind that waits for ever', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('scan')
    await one.hook('deploy', { after: 'scan' })
    await one.hook('tell', { after: 'deploy' })
    await one.happen(move('v1'))
    const statuses = async () =>
      (await Promise.all(['deploy', 'tell'].map((name) => one.list(name)))).flat().map(({ status }) => status)
    expect(await statuses()).toEqual(['pending', 'pending'])
    await one.webhooks.change(one.scope, 'deploy', { after: null })
    expect(await statuses()).toEqual(['dead', 'dead'])
  })

  test('holds for what was given up while it waited, and is open for what had passed', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('scan')
    await one.hook('deploy', { after: 'scan' })
    await one.happen(move('passed'), move('waits'))
    await one.say('scan', 0, 'success')
    const { id = '' } = (await findWebhook(one.db.read, one.scope.repository?.id ?? '', 'deploy')) ?? {}
    const over = { limit: 10, error: 'too many', at: one.clock.now().toISOString(), isUnderWay: () => false }
    await one.db.write((tx) => endOldest(tx, id, over))
    const [passed] = await one.list('deploy')
    expect(await one.webhooks.redeliver(one.scope, 'deploy', SINCE)).toEqual({
      deliveries: [passed?.id ?? ''],
      more: false,
    })
  })
})
