// Many upstreams of one organization drip their answers; the mirror of another organization does not notice.
import { afterAll, expect, test } from 'bun:test'
import { image, OCI_MANIFEST, type ScriptedRegistry, scriptedRegistry, served } from '../remote/scripted-registry.ts'
import { OWNER, startWholeServer } from '../support/whole-server.ts'

const UPSTREAMS = 26
const TAGS = Array.from({ length: 40 }, (_, i) => `t${i}`)
/** A quarter of 200: see docs/decisions/0011. */
const SHARE = 50

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

test('26 dripping upstreams of one organization, and a healthy one of another', async () => {
  // All of them run at once: what is shared here are requests, not places of runs.
  const server = await startWholeServer({ env: { KAGAMI_RUNS_AT_ONCE: '64' } })
  closers.push(() => server.stop())
  await server.addUser('mallory', { evil: 'owner' })
  const { mirrors } = server.server

  let dripping = 0
  let most = 0
  const full = Promise.withResolvers<void>()
  const drip = () => {
    let timer: Timer
    most = Math.max(most, ++dripping)
    if (dripping === SHARE) full.resolve()
    return new ReadableStream({
      start(controller) {
        timer = setInterval(() => controller.enqueue(new Uint8Array([32])), 50)
      },
      cancel() {
        dripping--
        clearInterval(timer)
      },
    })
  }
  const listed = Array.from({ length: UPSTREAMS }, () => Promise.withResolvers<void>())
  const starts = listed.map(async ({ resolve }, i) => {
    let lists = 0
    const registry: ScriptedRegistry = scriptedRegistry(async ({ method, path }) => {
      if (path.startsWith('/v2/app/tags/list')) {
        // The first is asked for by the start, the second by the run. It waits for those of the other runs, or the drips of the first
        // runs would take the whole share before the last have listed.
        if (++lists === 2) {
          resolve()
          await Promise.all(listed.map(({ promise }) => promise))
        }
        return Response.json({ name: 'app', tags: TAGS })
      }
      if (method === 'HEAD') return new Response(null, { status: 405 })
      return new Response(drip(), { headers: { 'content-type': OCI_MANIFEST } })
    })
    closers.push(() => registry[Symbol.asyncDispose]())
    const upstream = `drip-${i}`
    const body = { name: upstream, url: registry.url, organization: 'evil' }
    expect((await server.call('POST', '/upstreams', { login: OWNER, body })).status).toBeLessThan(300)
    await mirrors.start({ organization: 'evil', upstream, repository: 'app', as: upstream, by: 'user:mallory' })
  })
  await Promise.all(starts)
  await Promise.all([full.promise, ...listed.map(({ promise }) => promise)])

  const config = '{}'
  const good = image()
  const healthy = scriptedRegistry(({ path }) => {
    if (path.startsWith('/v2/app/tags/list')) return Response.json({ name: 'app', tags: ['1'] })
    if (path.startsWith('/v2/app/manifests/')) return served(good)
    return path.startsWith('/v2/app/blobs/') ? new Response(config) : undefined
  })
  closers.push(() => healthy[Symbol.asyncDispose]())
  const body = { name: 'healthy', url: healthy.url, organization: 'acme' }
  await server.call('POST', '/upstreams', { login: OWNER, body })
  const { run } = await mirrors.start({
    organization: 'acme',
    upstream: 'healthy',
    repository: 'app',
    by: 'user:owner',
  })
  const ended = await mirrors.wait(run.id)
  expect([ended.outcome, ended.counts.tagsMoved, ended.failures]).toEqual(['done', 1, []])
  expect([dripping, most]).toEqual([SHARE, SHARE])
})
