// The database is away while the server works: another process holds SQLite's lock, PostgreSQL is killed and comes back. Requests are told to come
// again, pulls go on where they can, the server recovers by itself, and nothing that was acknowledged is missing.
import { Database as Sqlite } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { createLedger } from '../support/acknowledged/ledger.ts'
import { lookAtAll } from '../support/acknowledged/look.ts'
import { createPusher } from '../support/acknowledged/pusher.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type Answer, freshContent, ociRequests, pushImage } from '../support/oci-requests.ts'
import { havePostgres, type MortalPostgres, startMortalPostgres } from '../support/postgres.ts'
import { countingProxy } from '../support/proxy.ts'
import { checkStorage } from '../support/storage-check.ts'
import { type Replicating, replicating } from './replicating.ts'

/** A long campaign is run by KAGAMI_TEST_DATABASE_KILLS=50. */
const KILLS = Number(process.env.KAGAMI_TEST_DATABASE_KILLS ?? 1)
/** Longer than a write waits, which is 10 seconds. */
const isLong = process.env.KAGAMI_TEST_DATABASE_KILLS !== undefined
setDefaultTimeout(120_000 + KILLS * 10_000)

/** It says when to come again, and nothing of what is inside. */
function expectAway({ status, headers, text }: Pick<Answer, 'status' | 'headers' | 'text'>): void {
  expect([status, headers.get('retry-after'), /\bat .*\.ts|ECONN|stack|SQLITE|postgres/i.test(text)]).toEqual([
    503,
    '2',
    false,
  ])
}

/** As a client does that was told to come again. */
async function whenBack(answer: Pick<Answer, 'status' | 'headers'>): Promise<boolean> {
  if (answer.status !== 503 || answer.headers.get('retry-after') === null) return false
  await Bun.sleep(100)
  return true
}

describe('SQLite whose lock another process holds', () => {
  let kagami: Kagami
  let sqlite: Sqlite
  beforeAll(async () => {
    kagami = await startKagami()
    sqlite = new Sqlite(join(kagami.dataDirectory, 'kagami.sqlite'), { readwrite: true })
    // The server's own writes come and go.
    sqlite.exec('PRAGMA busy_timeout = 5000')
  })
  afterAll(async () => {
    sqlite?.close()
    await kagami?.stop()
  })
  const client = () => ociRequests(kagami.url, 'acme/app', kagami.owner)

  test('for a moment: pulls do not wait, and a push waits', async () => {
    const { manifest } = await pushImage(client(), { tag: 'one' })
    sqlite.exec('BEGIN IMMEDIATE')
    let isPushed = false
    const pushing = client()
      .pushBlob(freshContent(5000))
      .then(() => {
        isPushed = true
      })
    for (const path of ['manifests/one', `manifests/${manifest.digest}`, 'tags/list']) {
      expect((await client().send('GET', path)).status).toBe(200)
    }
    await Bun.sleep(300)
    expect(isPushed).toBe(false)
    sqlite.exec('ROLLBACK')
    await pushing
  })

  test.skipIf(!isLong)(
    'for long: all pushes are told to come again after the patience of one, and are taken then',
    async () => {
      sqlite.exec('BEGIN IMMEDIATE')
      const begunAt = performance.now()
      const answers = await Promise.all(Array.from({ length: 12 }, () => client().send('POST', 'blobs/uploads/')))
      expect(performance.now() - begunAt).toBeLessThan(20_000)
      for (const answer of answers) expectAway(answer)
      expect((await client().send('GET', 'manifests/one')).status).toBe(200)
      sqlite.exec('ROLLBACK')
      await pushImage(client(), { tag: 'two' })
    },
  )
})

if (!havePostgres)
  console.warn('\n*** SKIPPED, NO POSTGRESQL: a database that is killed (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('PostgreSQL that is killed and comes back', () => {
  let postgres: MortalPostgres
  let vendor: Kagami
  let kagami: Kagami
  let owner: Replicating
  beforeAll(async () => {
    ;[postgres, vendor] = await Promise.all([startMortalPostgres(), startKagami({ env: { KAGAMI_ORG: 'vendor' } })])
    kagami = await startKagami({ env: { KAGAMI_DATABASE: postgres.url, KAGAMI_TAKEOVER: '2s' } })
    owner = replicating(() => kagami)
  })
  afterAll(async () => {
    await kagami?.stop()
    await vendor?.stop()
    await postgres?.stop()
    // What a client was told to be a bug.
    const lines = (kagami.stdout() + kagami.stderr()).split('\n')
    expect(lines.filter((line) => line.includes('request failed'))).toEqual([])
  })
  const client = (repository = 'acme/app') => ociRequests(kagami.url, repository, kagami.owner)

  test('while nothing goes on: all is answered 503 with Retry-After, and after it as before', async () => {
    await pushImage(client(), { tag: 'idle' })
    await postgres.kill()
    const paths = [
      '/v2/acme/app/manifests/idle',
      '/v2/acme/app/tags/list',
      '/api/v1/repositories/acme',
      '/token?scope=repository:acme/app:pull',
    ]
    for (const path of paths) expectAway(await client().send('GET', path))
    expectAway(await client().send('POST', 'blobs/uploads/'))
    await postgres.restart()
    expect((await client().send('GET', 'manifests/idle')).status).toBe(200)
    await pushImage(client(), { tag: 'idle' })
  })

  test('in the middle of a body: the session goes on from what it was told', async () => {
    const blob = freshContent(300_000)
    const begun = await client().send('POST', 'blobs/uploads/')
    const location = begun.headers.get('location') ?? ''
    const first = { headers: { 'content-range': '0-99999' }, body: blob.bytes.subarray(0, 100_000) }
    expect((await client().send('PATCH', location, first)).status).toBe(202)
    const half = Promise.withResolvers<void>()
    const slowly = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(blob.bytes.subarray(100_000, 150_000))
        await half.promise
        controller.enqueue(blob.bytes.subarray(150_000, 200_000))
        controller.close()
      },
    })
    const patching = fetch(`${kagami.url}${location}`, {
      method: 'PATCH',
      headers: { authorization: `Basic ${btoa(`${kagami.owner.username}:${kagami.owner.password}`)}` },
      body: slowly,
    })
    await Bun.sleep(50)
    await postgres.kill()
    half.resolve()
    const broken = await patching
    expectAway({ status: broken.status, headers: broken.headers, text: await broken.text() })
    await postgres.restart()
    const shown = await client().send('GET', location)
    expect([shown.status, shown.headers.get('range')]).toEqual([204, '0-99999'])
    const put = await client().send('PUT', `${location}?digest=${blob.digest}`, { body: blob.bytes.subarray(100_000) })
    expect([put.status, put.text]).toEqual([201, ''])
  })

  test(`${KILLS} times while clients push: whoever comes again gets through, and nothing acknowledged is missing`, async () => {
    const ledger = createLedger()
    let isOver = false
    const clients = Array.from({ length: 4 }, async (_, worker) => {
      const pusher = createPusher(client('acme/pushed'), { ledger, worker, again: whenBack })
      while (!isOver) await pusher.round()
    })
    for (let kill = 0; kill < KILLS; kill++) {
      await Bun.sleep(200 + 500 * Math.random())
      await postgres.kill()
      await Bun.sleep(200 * Math.random())
      await postgres.restart()
    }
    isOver = true
    await Promise.all(clients)
    expect(await lookAtAll(client('acme/pushed'), ledger)).toEqual([])
    const { missing, corrupt } = await checkStorage(kagami.dataDirectory, { database: postgres.url })
    expect([missing, corrupt]).toEqual([[], []])
  })

  test.skipIf(!isLong)('in the middle of a mirror run and of a replication: both go on by themselves', async () => {
    const source = ociRequests(vendor.url, 'vendor/app', vendor.owner)
    for (let i = 0; i < 6; i++) await pushImage(source, { tag: `v${i}`, layers: 3 })
    const proxy = await countingProxy(vendor.url, { delayMs: 5 })
    const login = { plainHttp: true, ...vendor.owner }
    await owner.call('POST', '/upstreams', {
      organization: 'acme',
      name: 'vendor',
      url: `${proxy.url}/vendor`,
      ...login,
    })
    await owner.call('POST', '/targets', { organization: 'acme', name: 'away', url: `${proxy.url}/vendor`, ...login })
    const { mirror } = await owner.call<{ mirror: { id: string } }>('POST', '/mirrors', {
      organization: 'acme',
      upstream: 'vendor',
      repository: 'app',
      as: 'mirrored',
    })
    expect(mirror.id).not.toBe('')
    let left = 4
    await proxy.seen(({ kind }) => kind === 'blob-get' && --left === 0)
    await postgres.kill()
    await postgres.restart()
    const tagsOf = async (repository: string, at = client(repository)) => {
      const { status, text } = await at.send('GET', 'tags/list')
      return status === 200 ? (JSON.parse(text) as { tags: string[] }).tags.length : 0
    }
    await until(async () => (await tagsOf('acme/mirrored')) === 6)

    const { id } = await owner.start('acme/mirrored', 'away/copied')
    left = 4
    await proxy.seen(({ method, path }) => method !== 'GET' && path.includes('copied') && --left === 0)
    await postgres.kill()
    await postgres.restart()
    const copied = ociRequests(vendor.url, 'vendor/copied', vendor.owner)
    await until(async () => (await tagsOf('', copied)) === 6)
    await until(async () => (await owner.show(id)).lastRun?.outcome === 'done')
    await proxy.stop()
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(50)
}
