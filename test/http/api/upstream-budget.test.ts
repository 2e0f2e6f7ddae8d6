// An upstream's limit and what is left of its budget: set by owners, seen by owners, kept over a restart.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { planAnswerSchema } from '../../../src/api/plans.ts'
import { upstreamAnswerSchema, upstreamChangeAnswerSchema, upstreamShowSchema } from '../../../src/api/upstreams.ts'
import { image, type ScriptedRegistry, scriptedRegistry, served } from '../../remote/scripted-registry.ts'
import { temporaryDirectory } from '../../support/process.ts'
import { authorization, type Login, OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

const directory = temporaryDirectory('upstream-budget')
let kagami: WholeServer
let member: Login
let stranger: Login
let registry: ScriptedRegistry
let isLimited = false
beforeAll(async () => {
  const good = image()
  registry = scriptedRegistry(({ path }) => {
    if (isLimited) return new Response(null, { status: 429, headers: { 'retry-after': '3600' } })
    const headers = { 'ratelimit-limit': '1000;w=3600', 'ratelimit-remaining': '212;w=3600' }
    if (path.includes('/tags/list')) return Response.json({ name: 'app', tags: ['1'] }, { headers })
    if (path.includes('/manifests/')) return served(good, headers)
    return path.includes('/blobs/') ? new Response('{}', { headers }) : undefined
  })
  kagami = await startWholeServer({ directory: directory.path })
  member = await kagami.addUser('member', { acme: 'member' })
  stranger = await kagami.addUser('stranger', { beta: 'owner' })
})
afterAll(async () => {
  await kagami?.stop()
  await registry?.[Symbol.asyncDispose]()
  directory.remove()
})

const scrape = async () =>
  (await fetch(`${kagami.url}/metrics`, { headers: { authorization: authorization(OWNER) } })).text()
const show = (login: Login = OWNER, organization = 'acme') =>
  kagami.call('GET', `/upstreams/hub?organization=${organization}`, { login })

test('a limit is set, changed and taken away; a bad one is refused with what is wanted', async () => {
  const body = { name: 'hub', url: registry.url, organization: 'acme', maxRate: ['100/s', '50MB/s'] }
  const added = (await kagami.call('POST', '/upstreams', { login: OWNER, body })).as(upstreamAnswerSchema)
  expect(added.upstream.maxRate).toEqual(['100/s', '50MB/s'])
  const patch = (maxRate: unknown) =>
    kagami.call('PATCH', '/upstreams/hub?organization=acme', { login: OWNER, body: { maxRate } })
  const unset = (await patch(null)).as(upstreamChangeAnswerSchema)
  expect([unset.upstream.maxRate, unset.upstream.isMaxRateSet, unset.changes]).toEqual([[], false, ['maxRate']])
  expect((await patch([])).as(upstreamChangeAnswerSchema).upstream.isMaxRateSet).toBe(true)
  expect((await patch(['200/s'])).as(upstreamChangeAnswerSchema).upstream.maxRate).toEqual(['200/s'])
  for (const bad of [['fast'], ['0/s'], ['1/s', '1/s'], ['1/s', '2/s', '3/s', '4/s', '5/s'], '1/s']) {
    expect([bad, (await patch(bad)).code]).toEqual([bad, 'INVALID_REQUEST'])
  }
  expect((await show()).as(upstreamShowSchema).upstream.maxRate).toEqual(['200/s'])
})

test('owners see what is left; the dry run says what a run needs of it; others see nothing', async () => {
  const begin = { organization: 'acme', upstream: 'hub', repository: 'app', dryRun: true }
  const { plan } = (await kagami.call('POST', '/mirrors', { login: OWNER, body: begin })).as(planAnswerSchema)
  expect(plan.forecast).toMatchObject({ kind: 'requests', left: 212 })
  // The list, the tag's HEAD, the manifest, its referrers; then the config.
  expect(plan.forecast?.requests).toBeGreaterThanOrEqual(4)
  expect(plan.forecast?.needed).toBe(plan.forecast?.requests ?? 0)
  const { budget } = (await show()).as(upstreamShowSchema)
  expect(budget.allowances).toMatchObject([{ kind: 'requests', limit: 1000, remaining: 212, windowSeconds: 3600 }])
  expect(Date.parse(budget.allowances[0]?.until ?? '')).toBeGreaterThan(Date.now())
  expect([budget.pauses, budget.waiting, budget.inFlight]).toEqual([[], [], 0])
  const metrics = await scrape()
  expect(metrics).toContain('kagami_upstream_requests_left{upstream="acme/hub",kind="requests"} 212\n')
  expect(metrics).toContain('kagami_upstream_requests_limit{upstream="acme/hub",kind="requests"} 1000\n')
  expect(metrics).toContain('kagami_upstream_requests_in_flight{upstream="acme/hub"} 0\n')
  expect(metrics).not.toContain('kagami_upstream_paused_until_timestamp_seconds{')
  expect((await show(member)).status).toBe(403)
  expect((await show(stranger)).status).toBe(403)
  expect((await show(stranger, 'beta')).status).toBe(404)
})

test('of the requests of others with the same registry and login nothing is told', async () => {
  const body = { name: 'hub', url: registry.url, organization: 'beta' }
  expect((await kagami.call('POST', '/upstreams', { login: stranger, body })).status).toBe(201)
  const requests = async (...args: Parameters<typeof show>) =>
    (await show(...args)).as(upstreamShowSchema).budget.requests
  const before = await requests()
  expect(before).toBeGreaterThanOrEqual(4)
  expect(await requests(stranger, 'beta')).toBe(0)
  const begin = { organization: 'beta', upstream: 'hub', repository: 'app', dryRun: true }
  expect((await kagami.call('POST', '/mirrors', { login: stranger, body: begin })).status).toBe(200)
  expect([await requests(), (await requests(stranger, 'beta')) > 0]).toEqual([before, true])
})

test('what the registry said is known after a restart, and it is left alone', async () => {
  isLimited = true
  const body = { organization: 'acme', upstream: 'hub', repository: 'app' }
  expect((await kagami.call('POST', '/mirrors', { login: OWNER, body })).status).toBeGreaterThanOrEqual(400)
  await kagami.stop()
  const asked = registry.asked.length
  kagami = await startWholeServer({ directory: directory.path })
  const refused = await kagami.call('POST', '/mirrors', { login: OWNER, body })
  expect([refused.code, registry.asked.length]).toEqual(['UPSTREAM_RATE_LIMITED', asked])
  const { budget } = (await show()).as(upstreamShowSchema)
  expect(budget.pauses).toMatchObject([{ kind: 'requests', reason: 'it answered 429' }])
  const until = Date.parse(budget.pauses[0]?.until ?? '') / 1000
  expect(await scrape()).toContain(
    `kagami_upstream_paused_until_timestamp_seconds{upstream="acme/hub",kind="requests"} ${until}\n`,
  )
})

test('a silence that it asked for ends when a change of the upstream finds it answering, and not before', async () => {
  const url = registry.url
  const change = (check: boolean) =>
    kagami.call('PATCH', '/upstreams/hub?organization=acme', { login: OWNER, body: { url, check } })
  const pauses = async () => (await show()).as(upstreamShowSchema).budget.pauses.length
  expect([(await change(true)).status, await pauses()]).toEqual([200, 1])
  isLimited = false
  expect([(await change(false)).status, await pauses()]).toEqual([200, 1])
  expect([(await change(true)).status, await pauses()]).toEqual([200, 0])
  await kagami.stop()
  kagami = await startWholeServer({ directory: directory.path })
  expect(await pauses()).toBe(0)
  const body = { organization: 'acme', upstream: 'hub', repository: 'app' }
  expect((await kagami.call('POST', '/mirrors', { login: OWNER, body })).status).toBe(202)
})
