// A whole server replicates to registries that fail, lie, fill up, forget and open themselves: what is moved is whole, and the reason is told.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Replication } from '../../src/api/replications.ts'
import type { Run } from '../../src/api/runs.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import type { Layout } from '../support/fixtures.ts'
import { temporaryDirectory } from '../support/process.ts'
import { type CountingProxy, countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { type QuirkRegistry, type Quirks, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'
import { putReferrer } from './put-referrer.ts'
import { imagesLayout } from './small-layout.ts'

setDefaultTimeout(120_000)

type Act = (request: SeenRequest) => ProxyAction | undefined

let server: WholeServer
const closers: (() => Promise<unknown>)[] = []
let names = 0

beforeAll(async () => {
  server = await startWholeServer()
  await server.addUser('pat', { acme: 'owner' })
})
afterAll(async () => {
  for (const close of closers.reverse()) await close()
  await server?.stop()
})

const fresh = (word: string) => `${word}-${++names}`

/** A repository of ours with these images. */
async function fill(layout: Layout, name = fresh('app')): Promise<string> {
  await pushLayout(layout, server.url, `acme/${name}`, { credentials: OWNER })
  return name
}

async function addTarget(url: string, login: { username: string; password: string }, more: object = {}) {
  const name = fresh('hub')
  const body = { name, url, organization: 'acme', plainHttp: true, check: false, ...login, ...more }
  const answer = await server.call('POST', '/targets', { login: OWNER, body })
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  return name
}

async function quirky(quirks: Quirks = {}) {
  const own = { signIn: 'basic', ...quirks } as { -readonly [K in keyof Quirks]: Quirks[K] }
  const registry = await startQuirkRegistry(own)
  let act: Act = () => undefined
  const proxy = await countingProxy(registry.url, { onRequest: (request) => act(request) })
  closers.push(async () => registry[Symbol.asyncDispose](), proxy.stop)
  const target = await addTarget(proxy.url, USER)
  return {
    ...{ quirks: own, registry, proxy, target },
    onRequest(to: Act) {
      act = to
    },
  }
}

async function begin(name: string, target: string, to: string, settings?: object): Promise<{ id: string; run: Run }> {
  const { replications } = server.server
  const { replication, run } = await replications.start({
    ...{ repository: parseRepositoryName(`acme/${name}`), target, targetRepository: parseRepositoryName(to) },
    ...{ settings, by: 'user:owner' },
  })
  return { id: replication.id, run: await replications.wait(run.id) }
}

async function sync(id: string, o: { full?: boolean } = {}): Promise<Run> {
  const { replications } = server.server
  return replications.wait((await replications.sync(id, o)).run.id)
}

const show = (id: string): Promise<Replication> => server.server.replications.show(id)

const at = (registry: { url: string }, repository: string) => ({ url: registry.url, repository, credentials: USER })

async function expectWhole(layout: Layout, registry: QuirkRegistry, repository: string): Promise<void> {
  expect(await compareMirror(layout, at(registry, repository), { referrers: 'either' })).toEqual([])
}

/** Words of a mirror name nobody here. */
function expectOurWords({ failures }: Run): void {
  for (const { message } of failures) expect(message).not.toMatch(/upstream/i)
}

const signed = (seed: string, images = 2) => imagesLayout({ images, layers: 2, layerBytes: 9_000, signed: true, seed })

test('each kind of request fails once, in each way, and the run is whole all the same', async () => {
  const layout = signed('once')
  const name = await fill(layout)
  const { registry, onRequest, target } = await quirky({ signIn: 'bearer' })
  const faults: readonly ((seen: SeenRequest) => ProxyAction)[] = [
    () => ({ answer: { status: 500, body: 'oops' } }),
    () => ({ answer: { status: 429, headers: { 'retry-after': '0' } } }),
    () => ({ answer: { status: 503, headers: { 'retry-after': '0' } } }),
    () => ({ loseAnswer: true }),
    ({ method }) => (method === 'PUT' || method === 'PATCH' ? { cutRequestAfterBytes: 10 } : { loseAnswer: true }),
  ]
  for (const [round, fault] of faults.entries()) {
    const failed = new Set<string>()
    onRequest((seen) => {
      const key = `${seen.method} ${seen.kind}`
      if (failed.has(key)) return undefined
      failed.add(key)
      return fault(seen)
    })
    const { run } = await begin(name, target, `round-${round}`)
    expect([round, run.outcome, run.failures]).toEqual([round, 'done', []])
    await expectWhole(layout, registry, `round-${round}`)
  }
})

/** A registry that is full is tried for half a minute. A long campaign is run by KAGAMI_TEST_KILLS=100. */
const isLong = Number(process.env.KAGAMI_TEST_KILLS ?? 0) >= 100

test.skipIf(!isLong)('a full disk fails the tags that need the room and moves nothing', async () => {
  const layout = signed('full', 1)
  const name = await fill(layout)
  const { registry, onRequest, target } = await quirky()
  onRequest(({ method, kind }) =>
    method === 'PUT' && kind === 'upload' ? { answer: { status: 507, body: 'insufficient storage' } } : undefined,
  )
  const full = await begin(name, target, 'full')
  expect([full.run.outcome, full.run.failures.length, registry.repository('full').tags.size]).toEqual(['failed', 1, 0])
  expectOurWords(full.run)
  expect((await show(full.id)).state).toBe('degraded')
  onRequest(() => undefined)
  expect([(await sync(full.id)).outcome, (await show(full.id)).state]).toEqual(['done', 'active'])
  await expectWhole(layout, registry, 'full')
})

test('a quota that is found out when all is there fails the tags that need the room', async () => {
  const { registry, target, quirks } = await quirky()
  const other = signed('quota', 1)
  const name = await fill(other)
  quirks.quotaBytes = 12_000
  const { id, run } = await begin(name, target, 'quota')
  expect(run.outcome).not.toBe('done')
  expect(run.failures[0]).toMatchObject({ code: 'TARGET_DENIED' })
  expect(run.failures[0]?.message).toContain('exceed the configured upper limit')
  expect((await show(id)).tags).toMatchObject({ immutable: 0 })
  Object.assign(quirks, { quotaBytes: undefined })
  expect((await sync(id)).outcome).toBe('done')
  await expectWhole(other, registry, 'quota')
})

test('a quota refused where a tag moves is no immutable tag', async () => {
  const name = await fill(signed('one', 1))
  const { onRequest, registry, target } = await quirky()
  const { id } = await begin(name, target, 'moved')
  const other = signed('two', 1)
  await fill(other, name)
  const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'will exceed the configured upper limit' }] })
  onRequest(({ kind, reference }) =>
    kind === 'manifest-put' && reference === 'image-0' ? { answer: { status: 403, body } } : undefined,
  )
  const run = await sync(id)
  expect(run.failures).toMatchObject([{ tag: 'image-0', code: 'TARGET_DENIED' }])
  expect((await show(id)).tags).toMatchObject({ immutable: 0, failed: 1 })
  onRequest(() => undefined)
  expect((await sync(id)).outcome).toBe('done')
  expect(registry.repository('moved').tags.get('image-0')).toBe(other.tags.get('image-0') as string)
})

test('a registry that stores something else, or serves something else, gets no tag that is told to be there', async () => {
  const layout = signed('lies')
  const name = await fill(layout)
  for (const lie of ['liesAboutDigest', 'changesManifests', 'keepsOldTags'] as const) {
    const { registry, target, quirks } = await quirky()
    if (lie === 'keepsOldTags') registry.repository('lied').tags.set('image-0', 'sha256:none')
    quirks[lie] = true
    const { id, run } = await begin(name, target, 'lied', { drift: 'repair' })
    expect([lie, run.outcome === 'done']).toEqual([lie, false])
    expectOurWords(run)
    expect([...new Set(run.failures.map(({ code }) => code))]).toEqual(['TARGET_INVALID'])
    quirks[lie] = false
    const again = await sync(id, { full: true })
    expect([lie, again.outcome, again.failures]).toEqual([lie, 'done', []])
    await expectWhole(layout, registry, 'lied')
  }
})

test('tokens that last for a few requests are asked for anew', async () => {
  const layout = signed('tokens', 8)
  const name = await fill(layout)
  const { registry, target } = await quirky({ signIn: 'bearer', tokenUses: 120 })
  const { run } = await begin(name, target, 'tokens')
  expect([run.outcome, run.failures]).toEqual(['done', []])
  await expectWhole(layout, registry, 'tokens')
})

test('a login that is refused pauses the replication, and the first pass that is let in ends that', async () => {
  const name = await fill(signed('login', 1))
  const { registry, onRequest, target } = await quirky()
  const { id } = await begin(name, target, 'login')
  const next = signed('login again', 1)
  await fill(next, name)
  onRequest(() => ({ answer: { status: 401, headers: { 'www-authenticate': 'Basic realm="quirk"' } } }))
  const refused = await sync(id)
  expect([refused.outcome, refused.failures[0]?.code]).toEqual(['failed', 'TARGET_DENIED'])
  expectOurWords(refused)
  expect(JSON.stringify(refused)).not.toContain(USER.password)
  const paused = await show(id)
  expect([paused.state, paused.pauses.map(({ cause }) => cause)]).toEqual(['paused', ['credentials']])
  expect(paused.nextRunAt).not.toBeNull()
  onRequest(() => undefined)
  const body = { ...USER, check: false }
  expect((await server.call('PATCH', `/targets/${target}?organization=acme`, { login: OWNER, body })).status).toBe(200)
  expect((await sync(id)).outcome).toBe('done')
  expect(await show(id)).toMatchObject({ state: 'active', pauses: [] })
  expect(registry.repository('login').tags.get('image-0')).toBe(next.tags.get('image-0') as string)
})

test('immutable tags are told, or go under their digest; deleted and foreign tags are told, or repaired', async () => {
  const first = signed('immutable', 2)
  const name = await fill(first)
  const { registry, target, quirks } = await quirky({ immutable: 409 })
  const { id } = await begin(name, target, 'kept')
  const next = signed('immutable 2', 2)
  await fill(next, name)
  const told = await sync(id)
  expect(told.failures.map(({ tag }) => tag).sort()).toEqual(['image-0', 'image-1'])
  expect((await show(id)).tags).toMatchObject({ immutable: 2, failed: 0 })
  await server.server.replications.change(id, { digestAlias: true }, 'user:owner')
  expect((await sync(id)).outcome).toBe('done')
  const { tags } = registry.repository('kept')
  const digest = next.tags.get('image-0') as string
  expect(tags.get(`image-0-${digest.slice(7, 19)}`)).toBe(digest)
  expect(tags.get('image-0')).toBe(first.tags.get('image-0') as string)
  Object.assign(quirks, { immutable: undefined })
  expect((await sync(id, { full: true })).outcome).toBe('done')

  tags.delete('image-1')
  const report = await sync(id)
  expect([report.counts.tagsDiverged, tags.has('image-1')]).toEqual([1, false])
  await server.server.replications.change(id, { drift: 'repair' }, 'user:owner')
  expect((await sync(id)).outcome).toBe('done')
  expect(tags.get('image-1')).toBe(next.tags.get('image-1') as string)
})

test('two logins of one registry without the API write the referrers of one subject at once, and none is lost', async () => {
  const directory = temporaryDirectory('two-logins')
  const users = ['ann', 'bob', 'cid', 'dan'].map((username) => ({ username, password: `secret of ${username}` }))
  const lines = await Promise.all(
    users.map(async ({ username, password }) => {
      const hash = await Bun.password.hash(password, { algorithm: 'bcrypt', cost: 4 })
      return `${username}:${hash.replace(/^\$2b\$/, '$2y$')}\n`
    }),
  )
  const path = join(directory.path, 'htpasswd')
  writeFileSync(path, lines.join(''))
  const docker: DockerRegistry = await startDockerRegistry({ auth: { htpasswd: { realm: 'tests', path } } })
  // Whoever reads the index does so long before somebody writes it.
  const isIndex = (reference: string) => /^sha256-[0-9a-f]{64}$/.test(reference)
  const proxy: CountingProxy = await countingProxy(docker.url, {
    onRequest: ({ kind, reference }) => (kind === 'manifest-put' && isIndex(reference) ? { delayMs: 150 } : undefined),
  })
  closers.push(proxy.stop, docker.stop, async () => directory.remove())
  const base = imagesLayout({ images: 1, layers: 1, layerBytes: 500, seed: 'subject' })
  const [subject] = base.manifests.keys()
  const own: string[] = []
  const replications = await Promise.all(
    users.map(async (user) => {
      const name = await fill(base)
      const target = await addTarget(proxy.url, user)
      for (let count = 0; count < 3; count++) {
        const here = { url: server.url, repository: `acme/${name}`, credentials: OWNER }
        own.push(await putReferrer(here, subject ?? '', `${user.username} ${count}`))
      }
      return { name, target }
    }),
  )
  const runs = await Promise.all(replications.map(({ name, target }) => begin(name, target, 'shared')))
  expect(runs.map(({ run }) => [run.outcome, run.failures])).toEqual(runs.map(() => ['done', []]))
  const tag = (subject ?? '').replace(':', '-')
  const answer = await fetch(`${docker.url}/v2/shared/manifests/${tag}`, {
    headers: {
      accept: 'application/vnd.oci.image.index.v1+json',
      authorization: `Basic ${btoa(`ann:${users[0]?.password}`)}`,
    },
  })
  const { manifests } = (await answer.json()) as { manifests: { digest: string }[] }
  expect(manifests.map(({ digest }) => digest).sort()).toEqual([...own].sort())
})

test('blobs that ten repositories share are brought once, and mounts succeed', async () => {
  const { registry, target } = await quirky({ mount: 'any' })
  const layouts = Array.from({ length: 10 }, (_, i) => sharing(i))
  const repositories = await Promise.all(layouts.map((layout) => fill(layout)))
  const runs = await Promise.all(repositories.map((name) => begin(name, target, `shared/${name}`)))
  for (const { run } of runs) expect([run.outcome, run.failures]).toEqual(['done', []])
  for (const [index, name] of repositories.entries()) {
    await expectWhole(layouts[index] as Layout, registry, `shared/${name}`)
  }
  const brought = new Map<string, number>()
  for (const [key, count] of registry.uploads) {
    const digest = key.split(' ')[1] ?? ''
    brought.set(digest, (brought.get(digest) ?? 0) + count)
  }
  expect([...brought].filter(([, count]) => count > 1)).toEqual([])
  const tried = runs.reduce((sum, { run }) => sum + (run.counts.mountsTried ?? 0), 0)
  const done = runs.reduce((sum, { run }) => sum + (run.counts.mounts ?? 0), 0)
  console.info(`mounts: ${done} of ${tried}`)
  expect(tried).toBeGreaterThan(50)
  expect(done / tried).toBeGreaterThanOrEqual(0.99)
})

/** Images of one repository: all share a base of layers with the other repositories, and have one of their own. */
function sharing(index: number): Layout {
  const shared = imagesLayout({ images: 3, layers: 3, layerBytes: 4_000, seed: 'base' })
  const own = imagesLayout({ images: 1, layers: 1, layerBytes: 1_000, seed: `own ${index}` })
  return {
    ...shared,
    tags: new Map([...shared.tags, ['own', [...own.tags.values()][0] ?? '']]),
    manifests: new Map([...shared.manifests, ...own.manifests]),
    blobs: new Map([...shared.blobs, ...own.blobs]),
  }
}

test('an attestation that comes late, and a tag that is pushed, are sent on by themselves, and little else is asked', async () => {
  const layout = signed('late', 3)
  const name = await fill(layout)
  const { registry, proxy, target } = await quirky()
  const { id } = await begin(name, target, 'late')
  proxy.reset()
  const subject = layout.tags.get('image-1') as string
  const here = { url: server.url, repository: `acme/${name}`, credentials: OWNER }
  const digest = await putReferrer(here, subject, 'late')
  while (!registry.repository('late').manifests.has(digest)) await Bun.sleep(20)
  await settled(id)
  // Its config, its layer and itself, and whether the repository is private still; then its subject.
  const isOwn = ({ kind, reference }: SeenRequest) => ['blob-head', 'upload'].includes(kind) || reference === digest
  const others = proxy.requests.filter((one) => !isOwn(one) && one.kind !== 'tags')
  expect(others.map(({ method, kind, reference }) => `${method} ${kind} ${reference}`).slice(3)).toEqual([])

  const next = signed('late 2', 1)
  await fill(next, name)
  while (registry.repository('late').tags.get('image-0') !== next.tags.get('image-0')) await Bun.sleep(20)
})

async function settled(id: string): Promise<void> {
  while ((await show(id)).lastRun?.outcome === 'running') await Bun.sleep(20)
}
