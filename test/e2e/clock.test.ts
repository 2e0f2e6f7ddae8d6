// A clock that is set forward and back, by hours and by years, under a real server: mirrors go on by themselves, and are whole in the end.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { countingProxy } from '../support/proxy.ts'
import { type ToldTime, toldTime } from '../support/told-time.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type MirrorDocument, type Operator, operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR

interface Runs {
  readonly runs: readonly { readonly id: string; readonly trigger: string; readonly outcome: string }[]
}

let vendor: Kagami
let layout: Layout
beforeAll(async () => {
  vendor = await startKagami({ withSample: true })
  layout = await servedLayout(vendor, 'nginx')
})
afterAll(() => vendor?.stop())

const runsOf = async (operator: Operator, mirror: string) => (await operator.get<Runs>(`/mirrors/${mirror}/runs`)).runs
const show = async (operator: Operator, mirror: string) =>
  (await operator.get<{ mirror: MirrorDocument & { nextRunAt: string } }>(`/mirrors/${mirror}`)).mirror

/** Until the schedule has made `count` more runs than `before`, each of them good. */
async function untilScheduled(operator: Operator, mirror: string, before: Runs['runs'], count = 1): Promise<void> {
  const known = new Set(before.map(({ id }) => id))
  for (;;) {
    const fresh = (await runsOf(operator, mirror)).filter(({ id, outcome }) => !known.has(id) && outcome !== 'running')
    if (fresh.length < count) {
      await Bun.sleep(20)
      continue
    }
    for (const { trigger, outcome } of fresh) expect([trigger, outcome]).toEqual(['schedule', 'done'])
    return
  }
}

describe('one server', () => {
  let time: ToldTime
  let kagami: Kagami
  let operator: Operator
  beforeAll(async () => {
    time = toldTime()
    kagami = await startKagami({ env: time.env })
    const first = await signIn(kagami)
    const { token } = await first.json<{ token: string }>(
      'token create --label clock --scope admin --expires never'.split(' '),
    )
    operator = operatorOf(kagami, token)
  })
  afterAll(async () => {
    await kagami?.stop()
    time?.remove()
  })

  test('set forward by 10 years and back again: whatever the schedule, it goes on at once', async () => {
    const schedules = { every: ['--every', '15m'], cron: ['--cron', '*/15 * * * *'], seldom: ['--every', '7d'] }
    const mirrors = Object.keys(schedules).map((name) => `acme/${name}`)
    const proxy = await countingProxy(vendor.sampleUrl)
    await addUpstream(operator, 'years', `${proxy.url}/dhi`)
    for (const [name, schedule] of Object.entries(schedules)) {
      expectDone(await operator.wait(['mirror', 'start', 'years/nginx', '--as', name, ...schedule]))
    }
    const runsOfAll = async () => Promise.all(mirrors.map((mirror) => runsOf(operator, mirror)))
    const begun = await runsOfAll()
    time.setClock(10 * YEAR)
    await time.pass(60_000)
    for (const [i, mirror] of mirrors.entries()) {
      await untilScheduled(operator, mirror, begun[i] ?? [])
      expect(Date.parse((await show(operator, mirror)).nextRunAt)).toBeGreaterThan(Date.now() + 9 * YEAR)
    }
    const before = await runsOfAll()
    time.setClock(-10 * YEAR)
    await time.pass(60_000)
    for (const [i, mirror] of mirrors.entries()) {
      await untilScheduled(operator, mirror, before[i] ?? [])
      const { nextRunAt, state, lastRun } = await show(operator, mirror)
      const aheadMs = Date.parse(nextRunAt) - time.now().getTime()
      expect([state, aheadMs < 8 * 24 * HOUR]).toEqual(['active', true])
      // The run of today is the last one, not that of the year that was not.
      expect(before[i]?.some(({ id }) => id === lastRun?.id)).toBe(false)
      expect(await compareMirror(layout, await operator.target(mirror))).toEqual([])
    }
    await proxy.stop()
  })

  test('what upstream asked for while the clock was years ahead is not waited for until then', async () => {
    let isBusy = false
    const proxy = await countingProxy(vendor.sampleUrl, {
      onRequest: () => (isBusy ? { answer: { status: 429, headers: { 'retry-after': '600' } } } : undefined),
    })
    await addUpstream(operator, 'busy', `${proxy.url}/dhi`)
    expectDone(await operator.wait(['mirror', 'start', 'busy/nginx', '--as', 'busy']))
    time.setClock(YEAR)
    isBusy = true
    const refused = await operator.wait(['mirror', 'sync', 'acme/busy'])
    expect(refused.run.failures.map(({ code }) => code)).toEqual(['UPSTREAM_RATE_LIMITED'])
    isBusy = false
    time.setClock(-YEAR)
    const early = await operator.wait(['mirror', 'sync', 'acme/busy'])
    expect(early.run.failures.map(({ code }) => code)).toEqual(['UPSTREAM_RATE_LIMITED'])
    await time.pass(601_000)
    expectDone(await operator.wait(['mirror', 'sync', 'acme/busy', '--full']))
    expect(await compareMirror(layout, await operator.target('acme/busy'))).toEqual([])
    await proxy.stop()
  })

  test('set by an hour to and fro in the middle of a run: the run is done', async () => {
    let left = 0
    const proxy = await countingProxy(vendor.sampleUrl, {
      onRequest: () => {
        time.setClock([HOUR, -2 * HOUR, HOUR][left++ % 3] ?? 0)
        return undefined
      },
    })
    await addUpstream(operator, 'restless', `${proxy.url}/dhi`)
    expectDone(await operator.wait(['mirror', 'start', 'restless/nginx', '--as', 'restless']))
    expect(left).toBeGreaterThan(20)
    time.setClock([0, -HOUR, HOUR][left % 3] ?? 0)
    expectDone(await operator.wait(['mirror', 'sync', 'acme/restless']))
    expect(await compareMirror(layout, await operator.target('acme/restless'))).toEqual([])
    await proxy.stop()
  })
})

if (!havePostgres)
  console.warn('\n*** SKIPPED, NO POSTGRESQL: clocks of two servers (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('two servers', () => {
  test.each([
    ['a year ahead', YEAR],
    ['an hour behind', -HOUR],
  ])(
    'one that died while its clock was %s: the other takes its run over once the clock is right',
    async (_name, wrongMs) => {
      const [time, other] = [toldTime(), toldTime()]
      const directory = temporaryDirectory('two-clocks')
      const database = { KAGAMI_DATABASE: await (await postgres()).freshDatabase(), KAGAMI_TAKEOVER: '2s' }
      const start = (env: Readonly<Record<string, string>>) =>
        startKagami({ dataDirectory: join(directory.path, 'data'), env: { ...database, ...env } })
      // Its clock is wrong from the start.
      time.setClock(wrongMs)
      const first = await start(time.env)
      const held = Promise.withResolvers<void>()
      const proxy = await countingProxy(vendor.sampleUrl, {
        onRequest: ({ kind }) => (kind === 'blob-get' ? { until: held.promise } : undefined),
      })
      const onFirst = await signIn(first)
      await addUpstream(onFirst, 'clocks', `${proxy.url}/dhi`)
      const { token } = await onFirst.json<{ token: string }>(
        'token create --label clock --scope admin --expires never'.split(' '),
      )
      const { run } = await onFirst.json<{ run: { id: string } }>(['mirror', 'start', 'clocks/nginx', '--as', 'clocks'])
      await proxy.seen(({ kind }) => kind === 'blob-get')
      await first.kill()
      held.resolve()
      const second = await start(other.env)
      const operator = operatorOf(second, token)
      while ((await runsOf(operator, 'acme/clocks')).every(({ outcome }) => outcome !== 'done')) await Bun.sleep(50)
      const runs = await runsOf(operator, 'acme/clocks')
      expect(runs.map(({ id, outcome }) => [id === run.id, outcome])).toEqual([
        [false, 'done'],
        [true, 'failed'],
      ])
      expect(await compareMirror(layout, await operator.target('acme/clocks'))).toEqual([])
      await second.stop()
      await proxy.stop()
      for (const one of [time, other]) one.remove()
      directory.remove()
    },
  )
})
