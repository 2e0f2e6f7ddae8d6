// Three servers on one database and one bucket (one directory where there is no S3 server), behind a balancer that sends each request to the next of them.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { loadOrCreateSampleKey } from '../../src/sample/keys.ts'
import { sampleRepository } from '../sample/reading.ts'
import { sampleLayout } from '../sample/sample-layout.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { compareMirror } from '../support/compare.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { countingProxy, type SeenRequest } from '../support/proxy.ts'
import { haveS3, s3Environment, s3Server } from '../support/s3-server.ts'
import { startReceiver } from '../support/webhook-receiver.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { type Operator, operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

if (!havePostgres)
  console.warn('\n*** SKIPPED, NO POSTGRESQL: three servers (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('three servers behind a balancer', () => {
  const directory = temporaryDirectory('three-servers')
  const closers: (() => unknown)[] = [() => directory.remove()]
  let env: Record<string, string>
  let servers: Kagami[]
  let balancer: Balancer
  let token: string
  /** Whoever talks to the balancer, and knows of no server. */
  let operator: Operator
  let layout: Layout
  let vendor: Kagami

  /** On machines of their own they share nothing but the database, the bucket and a key. */
  const start = () => startKagami(haveS3 ? { env } : { dataDirectory: join(directory.path, 'data'), env })
  const request = (
    method: string,
    path: string,
    body?: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) =>
    fetch(new URL(path, balancer.url), {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const outcomeOf = async (name: string) => {
    const { runs } = (await (await request('GET', `/api/v1/mirrors/acme/${name}/runs`)).json()) as {
      runs: readonly { outcome: string }[]
    }
    return runs[0]?.outcome
  }
  /** Kills the server that a test has in its hands, and starts another in its place at the end. */
  async function killed<T>(at: number, meanwhile: () => Promise<T>): Promise<T> {
    await servers[at]?.kill()
    try {
      return await meanwhile()
    } finally {
      servers[at] = await start()
    }
  }

  beforeAll(async () => {
    const [sample, cluster, s3] = await Promise.all([
      startKagami({ withSample: true }),
      postgres(),
      haveS3 ? s3Server() : undefined,
    ])
    vendor = sample
    closers.push(() => vendor.stop())
    layout = sampleLayout(
      sampleRepository('nginx', 1, await loadOrCreateSampleKey(join(vendor.dataDirectory, 'sample'))),
    )
    env = {
      KAGAMI_DATABASE: await cluster.freshDatabase(),
      KAGAMI_TAKEOVER: '2s',
      KAGAMI_WORKERS: '1',
      ...(s3 === undefined ? {} : s3Environment(s3.freshLocation())),
      ...(s3 === undefined ? {} : { KAGAMI_SEAL_KEY: randomBytes(32).toString('base64') }),
      KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8',
    }
    servers = await Promise.all([start(), start(), start()])
    closers.push(() => Promise.all(servers.map((one) => one.running() && one.stop())))
    balancer = await startBalancer(() => servers.map(({ url }) => url))
    closers.push(() => balancer.stop())
    const [first] = servers as [Kagami]
    token = (await (await signIn(first)).createToken('admin')).password
    operator = operatorOf(
      {
        ...first,
        url: balancer.url,
        cli: (args, o) => first.cli(args, { ...o, env: { KAGAMI_SERVER: balancer.url, ...o?.env } }),
      },
      token,
    )
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  test('an upload whose requests reach three of them, one of which dies on the way, is whole', async () => {
    const bytes = new Uint8Array(randomBytes(3_000_000))
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    let location = (await request('POST', '/v2/acme/spread/blobs/uploads/')).headers.get('location') ?? ''
    for (let at = 0; at < 3; at++) {
      const patched = await request('PATCH', location, bytes.slice(at * 1_000_000, (at + 1) * 1_000_000))
      expect([patched.status, patched.headers.get('range')]).toEqual([202, `0-${(at + 1) * 1_000_000 - 1}`])
      location = patched.headers.get('location') ?? ''
      // What was acknowledged is the others' to go on with.
      if (at === 1) await servers[2]?.kill()
    }
    const done = await request('PUT', `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`)
    expect(done.status).toBe(201)
    servers[2] = await start()
    for (const server of servers) {
      const got = await fetch(`${server.url}/v2/acme/spread/blobs/${digest}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
    }
    expect(new Set(balancer.answered.map(({ by }) => by)).size).toBe(3)
  })

  test('a mirror that one of them runs is watched through the others, and finished by them when it dies', async () => {
    const { promise: inTheMiddle, resolve: isInTheMiddle } = Promise.withResolvers<void>()
    let dripping: SeenRequest | undefined
    const proxy = await countingProxy(vendor.sampleUrl, {
      onRequest(seen) {
        if (seen.kind !== 'blob-get' || dripping !== undefined) return undefined
        dripping = seen
        isInTheMiddle()
        return { bytesPerSecond: 20 }
      },
    })
    closers.push(() => proxy.stop())
    await addUpstream(operator, 'watched', `${proxy.url}/dhi`)
    await operator.run(['mirror', 'start', 'watched/nginx', '--as', 'watched'])
    await inTheMiddle
    const watching = operator.kagami.cli(['mirror', 'watch', 'acme/watched', '--json'], { token })
    const runner = balancer.answered.find(({ method, path }) => method === 'POST' && path === '/api/v1/mirrors')?.by
    await killed(runner ?? -1, async () => {
      while ((await outcomeOf('watched')) !== 'done') await Bun.sleep(50)
    })
    expect(await compareMirror(layout, await operator.target('acme/watched'))).toEqual([])
    // Whichever server its stream came through: it is gone on with until the run has ended.
    const { stdout } = await watching
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ phase: 'ended', outcome: 'failed' })
  })

  test('what happens at each of them is told once, also when one dies meanwhile', async () => {
    const receiver = await startReceiver()
    closers.push(() => receiver.stop())
    await operator.run(['webhook', 'create', 'acme', receiver.url, '--name', 'all', '--plain-http'])
    const push = (from: number) =>
      Promise.all(
        Array.from({ length: 9 }, (_, i) =>
          emptyIndexPushed(balancer.url, 'acme/told', `t${from + i}`, token, `${from + i}`),
        ),
      )
    await push(0)
    await killed(1, () => push(100))
    await push(200)
    const tags = [0, 100, 200].flatMap((from) => Array.from({ length: 9 }, (_, i) => `t${from + i}`)).sort()
    const got = await receiver.until(
      (received) => new Set(received.map(({ json }) => json.kagami.tag)).size >= tags.length,
    )
    // A delivery whose answer died with its server is made once more, under the same id.
    const byEvent = Map.groupBy(got, ({ json }) => json.kagami.eventId)
    expect([...byEvent.values()].map(([first]) => first?.json.kagami.tag).sort()).toEqual(tags)
    for (const same of byEvent.values()) expect(new Set(same.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  test('a token that was revoked at one is refused by all at once', async () => {
    const made = await operator.json<{ id: string; token: string }>([
      'token',
      'create',
      '--label',
      'short',
      '--scope',
      'read',
    ])
    const ask = () =>
      Promise.all(
        servers.map(
          async ({ url }) => (await fetch(`${url}/v2/`, { headers: { authorization: `Bearer ${made.token}` } })).status,
        ),
      )
    expect(await ask()).toEqual([200, 200, 200])
    expect((await request('DELETE', `/api/v1/tokens/${made.id}`)).status).toBe(204)
    expect(await ask()).toEqual([401, 401, 401])
  })
})
