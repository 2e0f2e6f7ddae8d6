// A whole server replicates while the world changes: receivers call back or never do, targets go and come back, what is sent is deleted.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Replication } from '../../src/api/replications.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/reference.ts'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import type { Layout } from '../support/fixtures.ts'
import { type CountingProxy, countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { registryClient } from '../support/registry-client.ts'
import { atLeast, startReceiver } from '../support/webhook-receiver.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'
import { imagesLayout } from './small-layout.ts'

setDefaultTimeout(60_000)

const credentials = { username: 'writer', password: 'correct horse' }

let server: WholeServer
let docker: DockerRegistry
let proxy: CountingProxy
let act: (request: SeenRequest) => ProxyAction | undefined = () => undefined
const closers: (() => unknown)[] = []
beforeAll(async () => {
  ;[server, docker] = await Promise.all([
    startWholeServer({ env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' } }),
    startDockerRegistry({ credentials }),
  ])
  proxy = await countingProxy(docker.url, { onRequest: (request) => act(request) })
  await server.addUser('pat', { acme: 'owner', ends: 'owner' })
  for (const organization of ['acme', 'ends']) await call('POST', '/targets', targetAt(proxy.url, organization))
})
afterAll(async () => {
  for (const close of closers.reverse()) await close()
  await server?.stop()
  await proxy?.stop()
  await docker?.stop()
})

const targetAt = (url: string, organization: string, name = 'hub') => ({
  ...{ name, url, organization, plainHttp: true, check: false, ...credentials },
})

async function call(method: string, path: string, body?: unknown) {
  const answer = await server.call(method, path, { login: OWNER, body })
  if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`)
  return answer
}

const small = (seed: string, images = 1) => imagesLayout({ images, layers: 1, layerBytes: 2_000, seed })

async function fill(layout: Layout, name: string): Promise<void> {
  await pushLayout(layout, server.url, name, { credentials: OWNER })
}

async function begin(name: string, to: string, settings?: object) {
  const [target = '', ...rest] = to.split('/')
  const { replication, run } = await server.server.replications.start({
    ...{ repository: parseRepositoryName(name), target, targetRepository: parseRepositoryName(rest.join('/')) },
    ...{ settings, by: 'user:owner' },
  })
  return { id: replication.id, runId: run.id, ended: () => server.server.replications.wait(run.id) }
}

const show = (id: string): Promise<Replication> => server.server.replications.show(id)

async function until(id: string, isSo: (shown: Replication) => boolean): Promise<Replication> {
  for (;;) {
    const shown = await show(id)
    if (isSo(shown)) return shown
    await Bun.sleep(20)
  }
}

const there = (repository: string, url = docker.url) => ({ url, repository, credentials })

async function tagsThere(repository: string): Promise<readonly string[]> {
  const answer = await fetch(`${docker.url}/v2/${repository}/tags/list`, {
    headers: { authorization: `Basic ${btoa(`${credentials.username}:${credentials.password}`)}` },
  })
  return answer.status === 404 ? [] : (((await answer.json()) as { tags: string[] | null }).tags ?? [])
}

/** Stops the first request that `isOne` takes, until it is let go. */
function stopAt(isOne: (request: SeenRequest) => boolean) {
  const reached = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  act = (request) => {
    if (!isOne(request)) return undefined
    reached.resolve()
    return { until: go.promise }
  }
  return {
    reached: reached.promise,
    go() {
      act = () => undefined
      go.resolve()
    },
  }
}

test('after a webhook: success moves the tag, failure holds it with the words of the receiver, silence waits', async () => {
  const layout = small('after', 3)
  await call('POST', '/repositories', { name: 'acme/after' })
  const receiver = await startReceiver()
  closers.push(receiver.stop)
  // One of another organization is not there.
  await call('POST', '/organizations/ends/webhooks', { name: 'theirs', url: receiver.url, plainHttp: true })
  for (const after of ['nobody', 'theirs']) {
    const message = `after: got ${after}, want a webhook of acme/after or of acme: there is none of that name`
    await expect(begin('acme/after', 'hub/after', { after })).rejects.toMatchObject({ code: 'NOT_FOUND', message })
  }
  await call('POST', '/repositories/acme/after/webhooks', { name: 'scan', url: receiver.url, plainHttp: true })
  const { id, ended } = await begin('acme/after', 'hub/after', { after: 'scan' })
  await ended()
  await fill(layout, 'acme/after')
  const received = await receiver.until(atLeast(3))
  await until(id, ({ tags }) => tags.waiting === 3)
  expect(await tagsThere('after')).toEqual([])
  const say = async (tag: string, state: string, description: string) => {
    const one = received.find(({ json }) => json.kagami.tag === tag)
    const answer = await fetch(one?.json.callback_url ?? '', {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ state, description }),
    })
    expect(answer.status).toBeLessThan(300)
  }
  await say('image-0', 'success', 'clean')
  await say('image-1', 'failure', '2 critical')
  const shown = await until(id, ({ tags }) => tags.published === 1 && tags.failed === 1)
  expect(shown.tags).toMatchObject({ total: 3, waiting: 1 })
  expect(await tagsThere('after')).toEqual(['image-0'])
  const { tags } = await server.server.replications.explain(id, {
    ...{ tags: ['image-0', 'image-1', 'image-2'].map(parseTag), limit: 10 },
  })
  expect(tags.map(({ state }) => state)).toEqual(['synced', 'failed', 'waiting'])
  expect(tags[1]?.reason).toBe('the receiver of scan said failure: 2 critical')
  expect(tags[2]?.next).toContain('scan says success')
  const { replications } = server.server
  await expect(replications.change(id, { after: 'theirs' }, 'user:owner')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await call('DELETE', '/repositories/acme/after/webhooks/scan')
  const waiting = await show(id)
  expect(waiting.reason).toContain('there is no webhook scan, whose callback it waits for')
  expect(waiting.remedy).toBe('replication change hub/after --no-after')
})

/** Its requests are tried again for some seconds before a run gives up. A long campaign is run by KAGAMI_TEST_KILLS=100. */
const isLong = Number(process.env.KAGAMI_TEST_KILLS ?? 0) >= 100

test.skipIf(!isLong)(
  'a target that refuses connections degrades with its reason, waits for nobody, and is in step again by itself',
  async () => {
    await fill(small('gone'), 'acme/gone')
    let own = await countingProxy(docker.url)
    closers.push(() => own.stop())
    const { port } = new URL(own.url)
    await call('POST', '/targets', targetAt(own.url, 'acme', 'going'))
    const { id, ended } = await begin('acme/gone', 'going/gone')
    expect((await ended()).outcome).toBe('done')
    await own.stop()
    const next = small('gone 2')
    await fill(next, 'acme/gone')
    const down = await until(id, ({ state, lastRun }) => state === 'degraded' && lastRun?.outcome === 'failed')
    expect([down.pauses, down.lastRun?.failures[0]?.code]).toEqual([[], 'TARGET_UNAVAILABLE'])
    expect(down.reason).toContain('gone')
    expect([down.nextRunAt !== null, down.freshness.behindSeconds >= 0]).toEqual([true, true])
    own = await countingProxy(docker.url, { port: Number(port) })
    // The next pass of its schedule, now.
    passIsDue(id)
    await until(id, ({ state }) => state === 'active')
    expect(await compareMirror(next, there('gone'), { referrers: 'either' })).toEqual([])
  },
)

test('a repository that people have to make, and that is gone, pauses as gone until it is there', async () => {
  const isOf = ({ path }: SeenRequest) => path.startsWith('/v2/lost/')
  await call('POST', '/targets', { ...targetAt(proxy.url, 'acme', 'made'), kind: 'ecr' })
  await pushLayout(small('made'), docker.url, 'lost', { credentials })
  await fill(small('lost'), 'acme/lost')
  const { id, ended } = await begin('acme/lost', 'made/lost', { drift: 'repair' })
  expect((await ended()).outcome).toBe('done')
  const body = JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN', message: 'repository name not known to registry' }] })
  act = (request) => (isOf(request) ? { answer: { status: 404, body } } : undefined)
  const next = small('lost 2')
  await fill(next, 'acme/lost')
  const lost = await until(id, ({ state }) => state === 'paused')
  expect(lost.pauses.map(({ cause }) => cause)).toEqual(['gone'])
  expect([lost.nextRunAt !== null, lost.remedy]).toEqual([true, 'replication sync made/lost --wait'])
  act = () => undefined
  passIsDue(id)
  await until(id, ({ state, pauses }) => state === 'active' && pauses.length === 0)
  expect(await compareMirror(next, there('lost'), { referrers: 'either', otherTags: [] })).toEqual([])
})

/** The schedule's next pass is now. */
function passIsDue(id: string): void {
  const db = new Database(server.database)
  db.run('PRAGMA busy_timeout = 5000')
  db.run('UPDATE replications SET next_run_at = ? WHERE id = ?', [new Date().toISOString(), id])
  db.close()
  server.server.replications.wake()
}

test('a repository that is deleted in the middle of a pass gets nothing more, and leaves nothing behind', async () => {
  await fill(small('deleted', 3), 'acme/deleted')
  const gate = stopAt(({ path, method }) => (method === 'PUT' || method === 'PATCH') && path.startsWith('/v2/deleted/'))
  const { id, ended } = await begin('acme/deleted', 'hub/deleted')
  await gate.reached
  await call('DELETE', '/repositories/acme/deleted?confirm=acme/deleted')
  proxy.reset()
  gate.go()
  await ended().catch(() => {})
  expect(await tagsThere('deleted')).toEqual([])
  expect(proxy.requests.filter(({ method }) => method === 'PUT' || method === 'PATCH')).toEqual([])
  await expect(show(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('an organization that is closed in the middle of a pass sends nothing more, and leaves nothing behind', async () => {
  await fill(small('ends', 3), 'ends/app')
  const gate = stopAt(({ path, method }) => (method === 'PUT' || method === 'PATCH') && path.startsWith('/v2/ends/'))
  const { id, ended } = await begin('ends/app', 'hub/ends')
  await gate.reached
  await call('DELETE', '/organizations/ends?confirm=ends&withRepositories=true')
  proxy.reset()
  gate.go()
  await ended().catch(() => {})
  expect(proxy.requests.filter(({ method }) => method === 'PUT' || method === 'PATCH')).toEqual([])
  expect(await tagsThere('ends')).toEqual([])
  const db = new Database(server.database)
  const left = () =>
    ['replications', 'replication_runs', 'replication_tags', 'replication_run_items'].flatMap((table) => {
      const key = table === 'replications' ? 'id' : table === 'replication_run_items' ? 'run_id' : 'replication_id'
      return db.query(`SELECT 1 FROM ${table} WHERE ${key} IN (?, ?)`).all(id, id).length
    })
  while (left().some((count) => count > 0)) await Bun.sleep(50)
  const content = db.query(
    'SELECT count(*) AS rows FROM target_content WHERE target_id NOT IN (SELECT id FROM targets)',
  )
  expect(content.get()).toEqual({ rows: 0 })
  db.close()
})

test('a repository that becomes public here is sent on as before: what is at the target is what is private', async () => {
  const layout = small('open', 2)
  await fill(layout, 'acme/open')
  const gate = stopAt(({ path, method }) => (method === 'PUT' || method === 'PATCH') && path.startsWith('/v2/open/'))
  const { id, ended } = await begin('acme/open', 'hub/open')
  await gate.reached
  await call('PATCH', '/repositories/acme/open', { visibility: 'public' })
  gate.go()
  expect((await ended()).outcome).toBe('done')
  expect((await show(id)).state).toBe('active')
  expect(await compareMirror(layout, there('open'), { referrers: 'either' })).toEqual([])
})

test('a tag that is taken back is a change like others, and is sent', async () => {
  const first = small('first')
  const second = small('second')
  await fill(first, 'acme/back')
  const { id, ended } = await begin('acme/back', 'hub/back')
  await ended()
  await fill(second, 'acme/back')
  const isAt = async (layout: Layout) => {
    const found = await registryClient(docker.url, 'back', there('back')).getManifest('image-0')
    return found.headers.get('docker-content-digest') === layout.tags.get('image-0')
  }
  while (!(await isAt(second))) await Bun.sleep(20)
  await until(id, ({ lastRun }) => lastRun?.outcome !== 'running')
  await call('POST', '/repositories/acme/back/tags/image-0/restore', { digest: first.tags.get('image-0') })
  while (!(await isAt(first))) await Bun.sleep(20)
  const shown = await until(id, ({ lastRun }) => lastRun?.outcome !== 'running')
  expect([shown.lastRun?.trigger, shown.lastRun?.counts.tagsMoved, shown.lastRun?.counts.tagsDiverged]).toEqual([
    'change',
    1,
    0,
  ])
})
