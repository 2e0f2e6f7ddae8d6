// A catalog of many repositories begins without a herd: a few runs at once, whatever is subscribed to, and little memory.
import { expect, setDefaultTimeout, test } from 'bun:test'
import { openDatabase } from '../../../src/db/engine/engine.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { temporaryDirectory } from '../../support/process.ts'
import { addImage } from '../small-images.ts'
import { openSubscriptionInstance } from './subscription-instance.ts'

setDefaultTimeout(120_000)

/** The catalog of hardened images has 554: KAGAMI_TEST_REPOSITORIES=554. */
const REPOSITORIES = Number(process.env.KAGAMI_TEST_REPOSITORIES ?? 150)
/** No more than the places of all runs, of which there are a few. */
const AT_ONCE = 16
const MEMORY_BYTES = 300 * 1024 * 1024

test(`${REPOSITORIES} repositories are mirrored, a few at once, in bounded memory`, async () => {
  const directory = temporaryDirectory('whole-catalog')
  const db = await openDatabase(`${directory.path}/kagami.sqlite`)
  const running: number[] = []
  const allOpened = Promise.withResolvers<void>()
  let opened = 0
  const instance = await openSubscriptionInstance(db, {
    firstRunsApartMs: 1,
    clock: { now: () => new Date() },
    // Made when it is read, and gone with the pass.
    async openSource(_upstream, repository) {
      const row = db.read.selectFrom('sync_runs').where('outcome', '=', 'running')
      const { number } = await row.select((eb) => eb.fn.countAll<number>().as('number')).executeTakeFirstOrThrow()
      running.push(number)
      if (++opened === REPOSITORIES) allOpened.resolve()
      const source = memoryRepository()
      addImage(source, repository, { tags: ['1', 'latest'], layers: [`${repository} `.repeat(1000)] })
      return { reader: source.reader(), usage: () => ({ requests: source.calls.length, readBytes: 0 }) }
    },
  })
  instance.catalog = Array.from({ length: REPOSITORIES }, (_, n) => `app${n}`)
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 20)
  try {
    const subscriptions = instance.another({ clock: { now: () => new Date() }, firstRunsApartMs: 1 })
    await instance.engine.resume({ isAlone: true })
    await subscriptions.resume({ isAlone: true })
    const asked = { organization: 'acme', upstream: 'hub', match: [], except: [], adopt: false, by: 'user:ann' }
    const { id } = await subscriptions.start(asked)
    await allOpened.promise
    const { mirrors } = await instance.engine.list({ limit: 1000 })
    for (const { lastRun } of mirrors) await instance.engine.wait(lastRun?.id ?? '')
    const shown = await instance.show(id)
    expect([shown.mirrors, shown.entries.active, shown.state]).toEqual([REPOSITORIES, REPOSITORIES, 'active'])
    expect(Math.max(...running)).toBeLessThanOrEqual(AT_ONCE)
    expect(peak - before).toBeLessThan(MEMORY_BYTES)
  } finally {
    clearInterval(watch)
    await instance.close()
    await db.close()
    directory.remove()
  }
})
