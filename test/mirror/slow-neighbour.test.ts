// One upstream that takes a second for each request, beside 50 healthy mirrors that are asked for after it: the 50 end first.
import { afterAll, expect, test } from 'bun:test'
import { image, scriptedRegistry, served } from '../remote/scripted-registry.ts'
import { OWNER, startWholeServer } from '../support/whole-server.ts'

const HEALTHY = 50
const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

test('an upstream of one request a second delays no other mirror', async () => {
  const server = await startWholeServer()
  closers.push(() => server.stop())
  const { mirrors } = server.server
  const good = image()

  let turn = Promise.resolve()
  let answered = 0
  const slow = scriptedRegistry(async ({ path }) => {
    if (path.startsWith('/v2/app/tags/list')) {
      return Response.json({ name: 'app', tags: Array.from({ length: 500 }, (_, i) => `t${i}`) })
    }
    turn = turn.then(() => Bun.sleep(1000))
    await turn
    answered++
    return path.startsWith('/v2/app/manifests/') ? served(good) : new Response('{}')
  })
  const healthy = scriptedRegistry(({ path }) => {
    if (path.includes('/tags/list')) return Response.json({ name: 'app', tags: ['1'] })
    if (path.includes('/manifests/')) return served(good)
    return path.includes('/blobs/') ? new Response('{}') : undefined
  })
  for (const [name, registry] of Object.entries({ slow, healthy })) {
    closers.push(() => registry[Symbol.asyncDispose]())
    const body = { name, url: registry.url, organization: 'acme' }
    expect((await server.call('POST', '/upstreams', { login: OWNER, body })).status).toBeLessThan(300)
  }
  const start = (upstream: string, repository: string, as: string) =>
    mirrors.start({ organization: 'acme', upstream, repository, as, by: 'user:owner' })

  const first = await start('slow', 'app', 'slow')
  const others = await Promise.all(
    Array.from({ length: HEALTHY }, (_, i) => start('healthy', `app-${i}`, `healthy-${i}`)),
  )
  const runs = await Promise.all(others.map(({ run }) => mirrors.wait(run.id)))
  expect(runs.map(({ outcome }) => outcome)).toEqual(runs.map(() => 'done'))
  const shown = await mirrors.show(first.mirror.id)
  // It goes on meanwhile, in its own share.
  expect([shown.lastRun?.outcome, shown.waiting]).toEqual(['running', null])
  expect(answered).toBeLessThan(500)
  expect((await mirrors.stop(first.mirror.id, 'user:owner')).state).toBe('stopped')
})
