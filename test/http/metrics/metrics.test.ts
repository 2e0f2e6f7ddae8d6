// /metrics: who may read it, and that its numbers are those of the database, the same from each server.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { createMetricsApp } from '../../../src/http/metrics/app.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { createRequestBudget } from '../../../src/net/request-budget.ts'
import { budgetView } from '../../../src/server/budget-view.ts'
import { measureProcess } from '../../../src/server/measure-process.ts'
import { openAccessInstance } from '../../access/access-instance.ts'
import { type MirrorInstance, openMirrorInstance } from '../../mirror/mirror-instance.ts'
import { addImage } from '../../mirror/small-images.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import {
  authorization,
  describeOnEachDatabase,
  OWNER,
  startWholeServer,
  type WholeServer,
} from '../../support/whole-server.ts'

/** `name{labels} value` lines by name with labels. */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

describeOnEachDatabase('who may read /metrics', (startServer) => {
  let kagami: WholeServer
  beforeAll(async () => {
    kagami = await startServer({ env: { KAGAMI_TRUSTED_PROXIES: '127.0.0.0/8', KAGAMI_METRICS_ALLOW: '10.1.0.0/16' } })
  })
  afterAll(() => kagami.stop())

  const get = (headers: Record<string, string>, method = 'GET') => fetch(`${kagami.url}/metrics`, { headers, method })
  const token = async (scope: string, login = OWNER as { username: string; password: string }) => {
    const made = await kagami.call('POST', '/tokens', { login, body: { label: scope, scope } })
    return `Bearer ${JSON.parse(made.text).token}`
  }

  test('operators, by password or by a token of any scope', async () => {
    for (const header of [authorization(OWNER), await token('read'), await token('admin')]) {
      const answer = await get({ authorization: header })
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        200,
        'text/plain; version=0.0.4; charset=utf-8',
      ])
      expect(parse(await answer.text()).get('kagami_mirrors{state="active"}')).toBe(0)
    }
  })

  test('nobody else: neither anonymous, nor members and owners of organizations, nor with wrong credentials', async () => {
    const anonymous = await get({})
    expect([anonymous.status, anonymous.headers.has('www-authenticate')]).toEqual([401, true])
    const owner = await kagami.addUser('someone', { beta: 'owner' })
    expect((await get({ authorization: authorization(owner) })).status).toBe(403)
    expect((await get({ authorization: await token('admin', owner) })).status).toBe(403)
    expect((await get({ authorization: 'Bearer kgm_pat_nonsense' })).status).toBe(401)
    expect((await get({ authorization: authorization(OWNER) }, 'POST')).status).toBe(404)
  })

  test('an address of the list, as trusted proxies tell it; what a client writes itself counts for nothing', async () => {
    expect((await get({ 'x-forwarded-for': '10.1.2.3' })).status).toBe(200)
    expect((await get({ 'x-forwarded-for': '10.2.2.3' })).status).toBe(401)
    expect((await get({ 'x-forwarded-for': '10.1.2.3, 192.0.2.1' })).status).toBe(401)
    // Wrong credentials are no credentials, from whichever address.
    expect((await get({ 'x-forwarded-for': '10.1.2.3', authorization: 'Bearer kgm_pat_nonsense' })).status).toBe(401)
  })

  test('without a list no address is let in, this machine neither', async () => {
    const closed = await startWholeServer()
    expect((await fetch(`${closed.url}/metrics`)).status).toBe(401)
    await closed.stop()
  })
})

describeOnEachEngine('the numbers', (openFresh) => {
  let instance: MirrorInstance
  let scrape: (maxLabelled?: number) => Promise<Map<string, number>>
  let text = ''
  let time = Date.parse('2026-01-01T00:00:00.000Z')
  beforeAll(async () => {
    const clock = { now: () => new Date(time) }
    instance = await openMirrorInstance({ db: await openFresh(), clock, logger: createLogger('silent') })
    const access = await openAccessInstance(instance.db)
    scrape = async (maxLabelled) => {
      const app = createMetricsApp({
        ...{ db: instance.db, authenticator: access.authenticator, refusals: access.refusals, clock, measureProcess },
        isAllowedAddress: () => true,
        budgetOf: async () => budgetView(createRequestBudget(), undefined),
        ...(maxLabelled === undefined ? {} : { maxLabelled }),
      })
      const server = { requestIP: () => ({ address: '192.0.2.1' }) }
      text = await (await app.fetch(new Request('http://k/metrics'), server)).text()
      return parse(text)
    }
    for (const name of ['app', 'web', 'old']) {
      const upstream = memoryRepository()
      addImage(upstream, name, { tags: ['1', '2'] })
      instance.repositories.set(`hub/${name}`, upstream)
      await instance.mirror(`hub/${name}`)
      time += 1000
    }
    const id = async (name: string) => (await instance.engine.findByRepository(`acme/dhi-${name}` as never))?.id ?? ''
    const app = instance.repositories.get('hub/app')
    if (app === undefined) throw new Error('no hub/app')
    await instance.engine.change(await id('app'), { objective: '1m' }, 'user:ann')
    app.before = (call) => {
      if (call === 'openBlob') throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: secret words of others')
    }
    addImage(app, 'next', { tags: ['1'] })
    await instance.sync(await id('app'))
    time += 120_000
    await instance.engine.pause(await id('web'), 'user:ann')
    await instance.engine.stop(await id('old'), 'user:ann')
  })
  afterAll(() => instance.close())

  test('are those of each mirror, by names and codes of ours alone', async () => {
    const found = await scrape()
    expect(
      Object.fromEntries([...found].filter(([name]) => name.startsWith('kagami_') && !name.includes('requests'))),
    ).toMatchObject({
      'kagami_mirrors{state="degraded"}': 1,
      'kagami_mirrors{state="paused"}': 1,
      'kagami_mirrors{state="stopped"}': 1,
      'kagami_mirrors{state="active"}': 0,
      'kagami_mirrors_paused{cause="hand"}': 1,
      'kagami_mirrors_paused{cause="quota"}': 0,
      'kagami_runs{state="running"}': 0,
      'kagami_runs{state="waiting"}': 0,
      'kagami_mirror_state{mirror="acme/dhi-app",state="degraded"}': 1,
      'kagami_mirror_behind_seconds{mirror="acme/dhi-app"}': 120,
      'kagami_mirror_behind_seconds{mirror="acme/dhi-web"}': 0,
      'kagami_mirror_objective_seconds{mirror="acme/dhi-app"}': 60,
      'kagami_mirror_objective_missed{mirror="acme/dhi-app"}': 1,
      'kagami_mirror_last_success_timestamp_seconds{mirror="acme/dhi-app"}': 1767225600,
      'kagami_mirror_last_look_timestamp_seconds{mirror="acme/dhi-app"}': 1767225603,
      'kagami_mirror_runs_total{mirror="acme/dhi-app",outcome="done"}': 1,
      'kagami_mirror_runs_total{mirror="acme/dhi-app",outcome="partial"}': 1,
      'kagami_mirror_failures_total{mirror="acme/dhi-app",code="UPSTREAM_UNAVAILABLE"}': 1,
      'kagami_mirror_tags_moved_total{mirror="acme/dhi-web"}': 2,
    })
    expect(found.has('kagami_mirror_behind_seconds{mirror="acme/dhi-old"}')).toBe(false)
    expect(found.has('kagami_mirror_objective_seconds{mirror="acme/dhi-web"}')).toBe(false)
    expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(1_000_000)
    expect(text).not.toContain('secret words')
  })

  test('of more mirrors than have labels are one series together, and nothing is counted twice or lost', async () => {
    const all = await scrape()
    const few = await scrape(1)
    const sum = (found: Map<string, number>, name: string) =>
      [...found].filter(([key]) => key.startsWith(`${name}{`)).reduce((total, [, value]) => total + value, 0)
    for (const name of ['kagami_mirror_runs_total', 'kagami_mirror_requests_total', 'kagami_mirror_tags_moved_total']) {
      expect([name, sum(few, name)]).toEqual([name, sum(all, name)])
    }
    expect(few.get('kagami_mirror_runs_total{mirror="_others",outcome="done"}')).toBe(2)
    expect([...few.keys()].filter((key) => key.includes('dhi-web') || key.includes('dhi-old'))).toEqual([])
    expect(few.get('kagami_mirror_behind_seconds{mirror="_others"}')).toBe(0)
    expect((await scrape(0)).get('kagami_mirror_behind_seconds{mirror="_others"}')).toBe(120)
  })

  test('leave out tags that people took back, as the mirror itself does', async () => {
    const mirror = await instance.engine.findByRepository('acme/dhi-app' as never)
    const pin = { mirror_id: mirror?.id ?? '', tag: '1', digest: 'sha256:0', reason: 'broken', pinned_by: 'user:ann' }
    await instance.db.write((tx) =>
      tx
        .insertInto('tag_pins')
        .values({ ...pin, pinned_at: '2026-01-01' })
        .execute(),
    )
    expect((await scrape()).get('kagami_mirror_behind_seconds{mirror="acme/dhi-app"}')).toBe(0)
    expect((await instance.engine.show(mirror?.id ?? '')).freshness.behindSeconds).toBe(0)
    await instance.db.write((tx) => tx.deleteFrom('tag_pins').execute())
  })

  test('tell how many runs are under way and how many wait', async () => {
    const gate = Promise.withResolvers<void>()
    const upstream = memoryRepository()
    upstream.before = () => gate.promise
    addImage(upstream, 'slow', { tags: ['1'] })
    instance.repositories.set('hub/slow', upstream)
    upstream.before = () => {}
    const { mirrorId } = await instance.mirror('hub/slow')
    upstream.before = () => gate.promise
    const first = await instance.engine.sync(mirrorId)
    // A run that has not begun would take the second in.
    while ((await scrape()).get('kagami_runs{state="running"}') !== 1) await Bun.sleep(1)
    const second = await instance.engine.sync(mirrorId)
    const found = await scrape()
    expect(found.get('kagami_runs{state="waiting"}')).toBe(1)
    expect(found.get('kagami_mirror_state{mirror="acme/dhi-slow",state="syncing"}')).toBe(1)
    gate.resolve()
    for (const { run } of [first, second]) await instance.engine.wait(run.id)
    expect((await scrape()).get('kagami_runs{state="running"}')).toBe(0)
  })
})
