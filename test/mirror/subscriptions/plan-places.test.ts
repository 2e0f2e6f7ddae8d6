// What a subscription would take is shown by reading a whole catalog: a few at once, and as long as somebody waits for it.
import { expect, test } from 'bun:test'
import { describeOnEachEngine } from '../../support/engines.ts'
import { openSubscriptionInstance } from './subscription-instance.ts'

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(2)
}

describeOnEachEngine('plans of subscriptions', (openFresh) => {
  test('are made a few at once, and all in the end', async () => {
    const instance = await openSubscriptionInstance(await openFresh())
    instance.catalog = ['a', 'b']
    const go = Promise.withResolvers<void>()
    let reading = 0
    let most = 0
    instance.beforeRead = async () => {
      most = Math.max(most, ++reading)
      await go.promise
      reading--
    }
    const asked = { organization: 'acme', upstream: 'hub', match: [], except: [], adopt: false }
    const left = new AbortController()
    const all = Array.from({ length: 12 }, () => instance.subscriptions.planStart(asked))
    // All places are taken from here on: whoever asks now waits for one.
    await until(() => reading >= 2)
    const gone = instance.subscriptions.planStart({ ...asked, signal: left.signal })
    left.abort()
    await expect(gone).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(most).toBeLessThanOrEqual(4)
    go.resolve()
    expect((await Promise.all(all)).map(({ matched }) => matched)).toEqual(all.map(() => 2))
    expect(most).toBeLessThanOrEqual(4)
    await instance.close()
  })
})
