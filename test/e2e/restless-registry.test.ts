// Registries in memory that move a tag while it is looked at, cut each connection after 64 KiB, or answer one request a second.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type MemoryRegistry, startMemoryRegistry } from '../support/memory-registry.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { registryClient } from '../support/registry-client.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, signIn } from './operator.ts'
import { imagesLayout } from './small-layout.ts'

setDefaultTimeout(120_000)

let kagami: Kagami
let operator: Operator
const registries: MemoryRegistry[] = []
const proxies: CountingProxy[] = []
beforeAll(async () => {
  kagami = await startKagami()
  operator = await signIn(kagami)
})
afterAll(async () => {
  await kagami?.stop()
  for (const proxy of proxies) await proxy.stop()
  for (const registry of registries) await registry.stop()
})

async function serve(layout: Layout, o: Parameters<typeof countingProxy>[1] = {}) {
  const registry = startMemoryRegistry(layout)
  registries.push(registry)
  const proxy = await countingProxy(registry.url, o)
  proxies.push(proxy)
  return { registry, proxy }
}

test('another image under one tag twice a second: each sync ends, what shows is whole, and the last one is upstream’s', async () => {
  const layout = imagesLayout({ images: 12, layers: 4, layerBytes: 20_000, signed: true })
  const roots = [...layout.tags.values()]
  // Slow enough that the tag moves in the middle of each pass.
  const { registry, proxy } = await serve(layout, { delayMs: 60 })
  await addUpstream(operator, 'restless', proxy.url)
  let moves = 0
  const move = () => registry.tags.set('moving', roots[moves++ % roots.length] ?? '')
  move()
  const timer = setInterval(move, 500)
  try {
    const target = () => operator.target('acme/restless')
    for (let sync = 0; sync < 3 || moves <= 6; sync++) {
      const verb = sync === 0 ? ['start', 'restless/app', '--as', 'restless'] : ['sync', 'acme/restless']
      const answer = await operator.wait(['mirror', ...verb])
      // It follows, or says which tag it could not have.
      expect([[], ['moving']]).toContainEqual(answer.run.failures.map(({ tag }) => tag ?? ''))
      expect(answer.exitCode).toBe(answer.run.failures.length === 0 ? 0 : 1)
      const client = registryClient(kagami.url, 'acme/restless', await target())
      const shown = (await client.headManifest('moving')).headers.get('docker-content-digest') ?? ''
      expect(roots).toContain(shown)
      // All of it, whichever it is.
      const seen: Layout = { ...layout, tags: new Map([...layout.tags, ['moving', shown]]) }
      expect(await compareMirror(seen, await target())).toEqual([])
    }
    clearInterval(timer)
    expectDone(await operator.wait(['mirror', 'sync', 'acme/restless']))
    const last = registry.tags.get('moving') ?? ''
    expect(
      await compareMirror({ ...layout, tags: new Map([...layout.tags, ['moving', last]]) }, await target()),
    ).toEqual([])
  } finally {
    clearInterval(timer)
  }
})

test('each connection is reset after 64 KiB: layers of many times that come in one run, and go on where they ended', async () => {
  const layout = imagesLayout({ images: 2, layers: 2, layerBytes: 1_000_000 })
  const registry = startMemoryRegistry(layout)
  registries.push(registry)
  let sent = 0
  // In pieces, so that the first has arrived before the reset, which takes what is on its way. Ranges are served, as registries do that speak of `Accept-Ranges`.
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const url = new URL(request.url)
      const answer = await fetch(`${registry.url}${url.pathname}`, { method: request.method })
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '')
      if (range === null || !url.pathname.includes('/blobs/')) return answer
      const whole = await answer.bytes()
      const [from, to] = [Number(range[1]), range[2] === '' ? whole.length - 1 : Number(range[2])]
      const headers = { 'content-range': `bytes ${from}-${to}/${whole.length}` }
      return new Response(whole.slice(from, to + 1), { status: 206, headers })
    },
  })
  const proxy = await countingProxy(server.url.origin, {
    onRequest: () => ({ cutAfterBytes: 65_536, bytesPerSecond: 655_360 }),
  })
  proxies.push(proxy)
  await addUpstream(operator, 'cutting', proxy.url)
  expectDone(await operator.wait(['mirror', 'start', 'cutting/app', '--as', 'cutting']))
  expect(await compareMirror(layout, await operator.target('acme/cutting'))).toEqual([])
  for (const { kind, bodyBytes } of proxy.requests) if (kind === 'blob-get') sent += bodyBytes
  const unique = [...layout.blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0)
  expect(sent / unique).toBeLessThan(2)
  await server.stop(true)
})

test('one request a second: the mirror comes at that pace, asks for nothing twice, and holds up no other', async () => {
  const slowLayout = imagesLayout({ images: 1, layers: 1, layerBytes: 1000 })
  let freeAt = Date.now()
  let refused = 0
  const { proxy } = await serve(slowLayout, {
    onRequest() {
      if (Date.now() < freeAt) {
        refused++
        return { answer: { status: 429, headers: { 'retry-after': '1' } } }
      }
      freeAt = Date.now() + 1000
      return undefined
    },
  })
  await addUpstream(operator, 'slow', proxy.url)
  const slow = operator.wait(['mirror', 'start', 'slow/app', '--as', 'slow'])
  await proxy.seen(({ kind }) => kind === 'tags')
  for (const name of ['healthy-1', 'healthy-2', 'healthy-3']) {
    const layout = imagesLayout({ images: 2, layers: 2, layerBytes: 1000, seed: name })
    await addUpstream(operator, name, (await serve(layout)).proxy.url)
    expectDone(await operator.wait(['mirror', 'start', `${name}/app`, '--as', name]))
    expect(await compareMirror(layout, await operator.target(`acme/${name}`))).toEqual([])
  }
  const answer = await slow
  // Complete, or what it could not have is named.
  if (answer.exitCode !== 0) expect(answer.run.failures.length).toBeGreaterThan(0)
  expect(refused).toBeGreaterThan(0)
  freeAt = 0
  const last = await operator.wait(['mirror', 'sync', 'acme/slow'])
  expect([last.exitCode, last.run.outcome]).toEqual([0, 'done'])
  expect(await compareMirror(slowLayout, await operator.target('acme/slow'))).toEqual([])
})
