// Two servers on one PostgreSQL ask an upstream together for no more than one alone would, and each knows what the other was told.
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { type CountingProxy, countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { expectDone, type Operator, operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

interface Held {
  readonly request: SeenRequest
  pass(): void
}

if (!havePostgres)
  console.warn('\n*** SKIPPED, NO POSTGRESQL: shared budgets (run scripts/install-test-packages as root)\n')
/** Of one account, of all servers together. */
const IN_FLIGHT = 8

describe.skipIf(!havePostgres)('two servers, one upstream', () => {
  const directory = temporaryDirectory('shared-budgets')
  let vendor: Kagami
  let env: Record<string, string>
  let first: Kagami
  let second: Kagami
  let token: string
  let onFirst: Operator
  let onSecond: Operator
  let act: (request: SeenRequest) => ProxyAction | undefined
  let proxy: CountingProxy
  /** Requests that have arrived and are not answered: as many are under way at least. */
  let held: Held[]
  let most: number
  let number = 0

  const start = () => startKagami({ dataDirectory: join(directory.path, 'data'), env })
  beforeAll(async () => {
    vendor = await startKagami({ withSample: true })
    env = {
      KAGAMI_DATABASE: await (await postgres()).freshDatabase(),
      KAGAMI_TAKEOVER: '2s',
      KAGAMI_UPSTREAM_REQUESTS: String(IN_FLIGHT),
    }
    first = await start()
    second = await start()
    token = (await (await signIn(first)).createToken('admin')).password
    onFirst = operatorOf(first, token)
    onSecond = operatorOf(second, token)
  })
  beforeEach(async () => {
    await proxy?.stop()
    act = () => undefined
    held = []
    most = 0
    // Another port is another registry: each test has its own budget.
    proxy = await countingProxy(vendor.sampleUrl, { onRequest: (request) => act(request) })
    await onFirst.run(['upstream', 'add', `vendor-${++number}`, `${proxy.url}/dhi`, '--no-check'])
  })
  afterAll(async () => {
    await first?.stop()
    await second?.stop()
    await proxy?.stop()
    await vendor?.stop()
    directory.remove()
  })

  function hold() {
    act = (request) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.push({ request, pass: resolve })
      most = Math.max(most, held.length)
      return { until: promise }
    }
  }
  const isOf = (repository: string, { path }: SeenRequest) => path.includes(`/${repository}/`)
  const mirror = (operator: Operator, repository: string) =>
    operator.wait(['mirror', 'start', `vendor-${number}/${repository}`, '--as', `${repository}-${number}`])
  async function heldBy(repository: string, count: number): Promise<void> {
    while (held.filter(({ request }) => isOf(repository, request)).length < count) await Bun.sleep(2)
  }
  /** Lets the requests pass in their order, one after the other, until the work is done. */
  async function passAll(work: Promise<unknown>): Promise<void> {
    let isDone = false
    work
      .finally(() => {
        isDone = true
      })
      .catch(() => {})
    while (!isDone) {
      held.shift()?.pass()
      await Bun.sleep(1)
    }
  }

  test('never more under way than one server may have, and both have their part', async () => {
    hold()
    const python = mirror(onFirst, 'python')
    const untilBusy = (async () => {
      for (;;) {
        if (held.length >= IN_FLIGHT) return
        // The tag list and what else comes one by one.
        if (held.length === 1) held.shift()?.pass()
        await Bun.sleep(20)
      }
    })()
    await untilBusy
    const nginx = mirror(onSecond, 'nginx')
    const order: string[] = []
    const before = act
    act = (request) => {
      order.push(isOf('nginx', request) ? 'nginx' : 'python')
      return before(request)
    }
    // The first goes on, one answer at a time, until the second has its part.
    while (!order.includes('nginx')) {
      held.shift()?.pass()
      await Bun.sleep(20)
    }
    await passAll(Promise.all([python, nginx]))
    expectDone(await python)
    expectDone(await nginx)
    expect(most).toBe(IN_FLIGHT)
    // The second was not kept waiting until the first was done.
    expect(order.indexOf('nginx')).toBeLessThan(order.lastIndexOf('python'))
    const shown = await onSecond.json<{ budget: { mostInFlight: number; share: number } }>([
      'upstream',
      'show',
      `vendor-${number}`,
    ])
    expect(shown.budget.mostInFlight).toBe(IN_FLIGHT)
    expect(shown.budget.share).toBeLessThanOrEqual(IN_FLIGHT)
  })

  test('a limit that people set is one for both', async () => {
    await onFirst.run(['upstream', 'change', `vendor-${number}`, '--max-rate', '100/s'])
    const began = performance.now()
    const [python, nginx] = await Promise.all([mirror(onFirst, 'python'), mirror(onSecond, 'nginx')])
    const seconds = (performance.now() - began) / 1000
    expectDone(python)
    expectDone(nginx)
    const asked = proxy.count()
    expect(asked).toBeGreaterThan(100)
    // A burst of a second, and what may be late by one.
    expect(asked).toBeLessThanOrEqual(100 * (seconds + 2))
  })

  test('what one was told, the other knows: it does not ask', async () => {
    // Both know the registry.
    expectDone(await mirror(onFirst, 'nginx'))
    expectDone(await onSecond.wait(['mirror', 'sync', `acme/nginx-${number}`]))
    act = () => ({ answer: { status: 429, headers: { 'retry-after': '3600' } } })
    const refused = await onFirst.wait(['mirror', 'sync', `acme/nginx-${number}`])
    expect(refused.run.failures[0]?.code).toBe('UPSTREAM_RATE_LIMITED')
    const pauses = async (operator: Operator) =>
      (await operator.get<{ budget: { pauses: { until: string }[] } }>(`/upstreams/vendor-${number}?organization=acme`))
        .budget.pauses
    const told = await pauses(onFirst)
    expect(told).toHaveLength(1)
    while ((await pauses(onSecond)).length === 0) await Bun.sleep(20)
    expect(await pauses(onSecond)).toEqual(told)
    proxy.reset()
    act = () => undefined
    const other = await onSecond.wait(['mirror', 'sync', `acme/nginx-${number}`])
    expect(other.run.failures[0]?.code).toBe('UPSTREAM_RATE_LIMITED')
    expect(proxy.count()).toBe(0)
    // It is over for both once one of them has looked.
    await onFirst.run(['upstream', 'change', `vendor-${number}`, '--url', `${proxy.url}/dhi`])
    while ((await pauses(onSecond)).length > 0) await Bun.sleep(20)
    expectDone(await onSecond.wait(['mirror', 'sync', `acme/nginx-${number}`]))
  })

  test('what a killed server held is taken over when its lease is over', async () => {
    hold()
    onFirst.wait(['mirror', 'start', `vendor-${number}/python`, '--as', `python-${number}`]).catch(() => {})
    for (;;) {
      if (held.length >= IN_FLIGHT) break
      if (held.length === 1) held.shift()?.pass()
      await Bun.sleep(20)
    }
    const nginx = mirror(onSecond, 'nginx')
    const said = async () =>
      (await onSecond.get<{ budget: unknown }>(`/upstreams/vendor-${number}?organization=acme`)).budget
    while (!JSON.stringify(await said()).includes('"waiting":[{')) await Bun.sleep(20)
    expect(held.every(({ request }) => isOf('python', request))).toBe(true)
    await first.kill()
    await heldBy('nginx', 1)
    held = held.filter(({ request }) => isOf('nginx', request))
    await passAll(nginx)
    expectDone(await nginx)
    first = await start()
    onFirst = operatorOf(first, token)
  })
})
