// Two servers on one PostgreSQL and one data directory: one dies or sleeps in the middle of a run, the other finishes it.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { loadOrCreateSampleKey } from '../../src/sample/keys.ts'
import { sampleRepository } from '../sample/reading.ts'
import { sampleLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { type CountingProxy, countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

interface Runs {
  readonly runs: readonly { readonly id: string; readonly outcome: string; readonly trigger: string }[]
}

if (!havePostgres)
  console.warn('\n*** SKIPPED, NO POSTGRESQL: two servers (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('two servers', () => {
  const directory = temporaryDirectory('two-servers')
  let vendor: Kagami
  let layout: Layout
  let env: Record<string, string>
  let first: Kagami
  let second: Kagami
  let token: string
  let onFirst: Operator
  let onSecond: Operator
  /** What becomes of each request to the upstream. */
  let act: (request: SeenRequest) => ProxyAction | undefined = () => undefined
  /** One a test: what was fetched from an address is not fetched from it again. */
  const proxies: CountingProxy[] = []
  const upstreamUrl = async () => {
    const proxy = await countingProxy(vendor.sampleUrl, { onRequest: (request) => act(request) })
    proxies.push(proxy)
    return `${proxy.url}/dhi`
  }

  const start = () => startKagami({ dataDirectory: join(directory.path, 'data'), env })

  beforeAll(async () => {
    const [sample, cluster] = await Promise.all([startKagami({ withSample: true }), postgres()])
    vendor = sample
    const key = await loadOrCreateSampleKey(join(vendor.dataDirectory, 'sample'))
    layout = sampleLayout(sampleRepository('nginx', 1, key))
    env = { KAGAMI_DATABASE: await cluster.freshDatabase(), KAGAMI_TAKEOVER: '2s' }
    ;[first, second] = await Promise.all([start(), start()])
    token = (await (await signIn(first)).createToken('admin')).password
    onFirst = operatorOf(first, token)
    onSecond = operatorOf(second, token)
  })
  afterAll(async () => {
    await first?.stop()
    await second?.stop()
    for (const proxy of proxies) await proxy.stop()
    await vendor?.stop()
    directory.remove()
  })

  /** The first request for a blob gets one byte now and then, so that its reader is in the middle of it for as long as the test wants. */
  function dripFirstBlob() {
    let dripping: SeenRequest | undefined
    act = (request) => {
      if (request.kind !== 'blob-get' || dripping !== undefined) return undefined
      dripping = request
      return { bytesPerSecond: 20 }
    }
    return async () => {
      while ((dripping?.bodyBytes ?? 0) === 0) await Bun.sleep(5)
    }
  }

  const runsOf = async (operator: Operator, name: string) =>
    (await operator.get<Runs>(`/mirrors/acme/${name}/runs`)).runs
  async function untilTakenOver(name: string): Promise<void> {
    while ((await runsOf(onSecond, name))[0]?.outcome !== 'done') await Bun.sleep(20)
  }

  test('killed in the middle of a blob, its run is taken over and finished by the other', async () => {
    const inTheMiddle = dripFirstBlob()
    await addUpstream(onFirst, 'killed', await upstreamUrl())
    const begun = await onFirst.json<{ run: { id: string } }>(['mirror', 'start', 'killed/nginx', '--as', 'killed'])
    await inTheMiddle()
    await first.kill()
    await untilTakenOver('killed')
    const [last, dead, ...others] = await runsOf(onSecond, 'killed')
    expect(others).toEqual([])
    expect([dead?.id, dead?.outcome]).toEqual([begun.run.id, 'failed'])
    expect([last?.trigger, last?.outcome]).toEqual(['schedule', 'done'])
    expect(await compareMirror(layout, await onSecond.target('acme/killed'))).toEqual([])
    first = await start()
    onFirst = operatorOf(first, token)
  })

  test('stopped in the middle of a blob and woken after its lease was taken, it publishes and spoils nothing', async () => {
    const inTheMiddle = dripFirstBlob()
    await addUpstream(onFirst, 'asleep', await upstreamUrl())
    const begun = await onFirst.json<{ run: { id: string } }>(['mirror', 'start', 'asleep/nginx', '--as', 'asleep'])
    await inTheMiddle()
    process.kill(-first.pid, 'SIGSTOP')
    await untilTakenOver('asleep')
    const target = await onSecond.target('acme/asleep')
    expect(await compareMirror(layout, target)).toEqual([])
    const items = await onSecond.json(['mirror', 'run', 'acme/asleep', begun.run.id])
    process.kill(-first.pid, 'SIGCONT')
    // What it was asked for comes after its own run has ended there.
    expectDone(await onFirst.wait(['mirror', 'sync', 'acme/asleep']))
    expect(await compareMirror(layout, target)).toEqual([])
    const after = await onSecond.json<{ run: { outcome: string } }>(['mirror', 'run', 'acme/asleep', begun.run.id])
    expect(after.run.outcome).toBe('failed')
    expect({ ...after, mirror: null }).toEqual({ ...(items as object), mirror: null } as never)
  })

  test('a pass that is due is run by one of the two', async () => {
    act = () => undefined
    await addUpstream(onFirst, 'due', await upstreamUrl())
    expectDone(await onFirst.wait(['mirror', 'start', 'due/nginx', '--as', 'due']))
    // A resumed mirror is due at once, for both.
    await onFirst.run(['mirror', 'pause', 'acme/due'])
    await onFirst.run(['mirror', 'resume', 'acme/due'])
    await untilTakenOver('due')
    expect((await runsOf(onSecond, 'due')).map(({ trigger }) => trigger)).toEqual(['schedule', 'start'])
  })
})
