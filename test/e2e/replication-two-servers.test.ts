// Two servers on one PostgreSQL send one repository to one target: never two passes at once, and one takes over what the other has died in.
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { compareMirror } from '../support/compare.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { countingProxy, type SeenRequest } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { replicating } from './replicating.ts'
import { imagesLayout } from './small-layout.ts'

setDefaultTimeout(120_000)

const credentials = { username: 'writer', password: 'correct horse' }

describe.skipIf(!havePostgres)('two servers', () => {
  const closers: (() => unknown)[] = []
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  test('make one pass at a time of a replication, and the one that is left brings it to its end', async () => {
    const directory = temporaryDirectory('replication-servers')
    closers.push(() => directory.remove())
    const [cluster, docker] = await Promise.all([postgres(), startDockerRegistry({ credentials })])
    closers.push(docker.stop)
    const env = { KAGAMI_DATABASE: await cluster.freshDatabase(), KAGAMI_TAKEOVER: '2s' }
    const start = () => startKagami({ dataDirectory: join(directory.path, 'data'), env })
    const first = await start()
    const second = await start()
    const servers: readonly Kagami[] = [first, second]
    closers.push(() => Promise.all(servers.map((one) => one.running() && one.stop())))
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    let isStopping = true
    const isSent = ({ kind, method }: SeenRequest) => kind === 'upload' && method !== 'POST'
    const proxy = await countingProxy(docker.url, {
      onRequest(request) {
        if (!isStopping || !isSent(request)) return undefined
        reached.resolve()
        return { until: gate.promise }
      },
    })
    closers.push(proxy.stop)
    const [onFirst, onSecond] = [replicating(() => first), replicating(() => second)]
    await onFirst.call('POST', '/organizations', { name: 'acme' }).catch(() => {})
    const layout = imagesLayout({ images: 3, layers: 2, layerBytes: 20_000, signed: true })
    await pushLayout(layout, first.url, 'acme/app', { credentials: first.owner })
    const target = { name: 'hub', url: proxy.url, organization: 'acme', plainHttp: true, check: false, ...credentials }
    await onFirst.call('POST', '/targets', target)
    const { id } = await onFirst.start('acme/app', 'hub/app')
    await reached.promise

    // The other is asked for one too, and waits for the lease: nothing comes of it while the first sends.
    const asked = onSecond.sync(id)
    const runs = async () =>
      (await onSecond.call<{ runs: { outcome: string; waitedMs?: number }[] }>('GET', `/replications/acme/${id}/runs`))
        .runs
    while ((await runs()).length < 2) await Bun.sleep(20)
    const sent = proxy.requests.length
    for (let looks = 0; looks < 10; looks++) await runs()
    expect([proxy.requests.length, (await runs()).map(({ outcome }) => outcome)]).toEqual([
      sent,
      ['running', 'running'],
    ])

    await first.kill()
    isStopping = false
    gate.resolve()
    const run = await asked
    expect([run.outcome, run.failures]).toEqual(['done', []])
    const shown = await onSecond.settled(id)
    expect([shown.state, shown.tags.published, shown.drift.drifted]).toEqual(['active', layout.tags.size, 0])
    const there = { url: docker.url, repository: 'app', credentials }
    expect(await compareMirror(layout, there, { referrers: 'either' })).toEqual([])
  })
})
