import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { catalogListSchema } from '../../../src/api/catalog.ts'
import {
  mirrorAnswerSchema,
  mirrorListSchema,
  mirrorRunAnswerSchema,
  runAnswerSchema,
} from '../../../src/api/mirrors.ts'
import { planAnswerSchema } from '../../../src/api/plans.ts'
import { type Progress, progressSchema } from '../../../src/api/progress.ts'
import { repositoryChangeAnswerSchema } from '../../../src/api/repositories.ts'
import { sampleReleaseAnswerSchema } from '../../../src/api/sample.ts'
import { tagListSchema } from '../../../src/api/tags.ts'
import { upstreamAnswerSchema, upstreamListSchema } from '../../../src/api/upstreams.ts'
import { catalogIsRead } from '../../support/catalog.ts'
import { countingProxy } from '../../support/proxy.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  type WholeServer,
} from '../../support/whole-server.ts'

describeOnEachDatabase('mirrors over the API', (startServer) => {
  let kagami: WholeServer
  let member: Login
  let stranger: Login
  beforeAll(async () => {
    kagami = await startServer({ withSample: true })
    member = await kagami.addUser('member', { acme: 'member' })
    stranger = await kagami.addUser('stranger', { beta: 'owner' })
    await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
  })
  afterAll(() => kagami.stop())

  async function progressOf(path: string, login: Login): Promise<Progress[]> {
    const response = await fetch(`${kagami.url}/api/v1${path}`, { headers: { authorization: authorization(login) } })
    expect(response.headers.get('content-type')).toBe('application/jsonl')
    const lines = (await response.text()).split('\n').filter((line) => line !== '')
    return lines.map((line) => progressSchema.parse(JSON.parse(line)))
  }

  const start = (body: object, login: Login = OWNER) =>
    kagami.call('POST', '/mirrors', { login, body: { organization: 'acme', upstream: 'sample', ...body } })

  describe('mirrors', () => {
    test('the first start with the sample has mirrored python into the first organization', async () => {
      const { mirrors, next } = (await kagami.call('GET', '/mirrors', { login: member })).as(mirrorListSchema)
      expect(next).toBeNull()
      const [mirror] = mirrors.filter(({ repository }) => repository === 'acme/dhi-python')
      expect(mirror).toMatchObject({
        organization: 'acme',
        source: { upstream: 'sample', repository: 'python' },
        state: 'active',
        reason: null,
        tags: { total: 21, published: 21, failed: 0 },
        lastRun: { trigger: 'start', outcome: 'done', failures: [] },
      })
      const shown = await kagami.call('GET', '/mirrors/acme/dhi-python', { login: member })
      expect(shown.as(mirrorAnswerSchema).mirror.id).toBe(mirror?.id ?? '')
      const { tags } = (await kagami.call('GET', '/repositories/acme/dhi-python/tags', { login: member })).as(
        tagListSchema,
      )
      expect(tags).toHaveLength(21)
      for (const tag of tags) {
        expect(tag.mirrored).toBe(true)
        expect(tag.referrers).toBeGreaterThan(20)
        expect(tag.platforms).toHaveLength(2)
      }
    })

    test('are started by owners; the answer comes at once and the progress of the run ends with it', async () => {
      expect((await start({ repository: 'nginx' }, member)).code).toBe('DENIED')
      const answer = await start({ repository: 'nginx' })
      expect(answer.status).toBe(202)
      const { mirror, run } = answer.as(mirrorRunAnswerSchema)
      expect(mirror.repository).toBe('acme/dhi-nginx')
      const moments = await progressOf(`/mirrors/acme/dhi-nginx/progress?run=${run.id}`, member)
      expect(moments.at(-1)).toMatchObject({ phase: 'ended', outcome: 'done', runId: run.id, mirror: 'acme/dhi-nginx' })
      expect(moments.slice(0, -1).every(({ phase }) => phase !== 'ended')).toBe(true)
      const ended = await kagami.call('GET', `/mirrors/acme/dhi-nginx/runs/${run.id}`, { login: member })
      expect(ended.as(runAnswerSchema).run).toMatchObject({
        outcome: 'done',
        counts: { tagsMoved: 7, failed: 0 },
      })
      // Asked again, the end of a run that is over is all there is.
      const again = await progressOf(`/mirrors/acme/dhi-nginx/progress?run=${run.id}`, member)
      expect(again.map(({ phase }) => phase)).toEqual(['ended'])
    })

    test('a dry run answers with the plan and leaves nothing behind', async () => {
      const answer = await start({ repository: 'node', dryRun: true })
      expect(answer.status).toBe(200)
      const { plan } = answer.as(planAnswerSchema)
      expect(plan.items.length).toBeGreaterThan(0)
      expect((await kagami.call('GET', '/mirrors/acme/dhi-node', { login: OWNER })).code).toBe('NOT_FOUND')
      expect((await kagami.call('GET', '/repositories/acme/dhi-node', { login: OWNER })).code).toBe('NOT_FOUND')
    })

    test('refuse a destination that exists, with a suggestion, and a source that does not', async () => {
      const taken = await start({ repository: 'python' })
      expect([taken.status, taken.code]).toEqual([409, 'CONFLICT'])
      expect(taken.message).toContain('--as dhi-python-2')
      const absent = await start({ repository: 'no-such-thing' })
      // A Kagami does not tell an anonymous caller what is absent from what is private (invariant 7).
      expect([absent.status, absent.code]).toEqual([502, 'UPSTREAM_DENIED'])
      expect(absent.message).toContain('dhi/no-such-thing')
      expect((await kagami.call('GET', '/repositories/acme/dhi-no-such-thing', { login: OWNER })).status).toBe(404)
      expect((await start({ upstream: 'nowhere', repository: 'python' })).code).toBe('NOT_FOUND')
    })

    test('a stopped mirror keeps its images, gets no run, and stopping it again is fine', async () => {
      await start({ repository: 'nginx-chart', as: 'charts/nginx' })
      const path = '/mirrors/acme/charts%2Fnginx'
      expect((await kagami.call('POST', `${path}/stop`, { login: member })).code).toBe('DENIED')
      for (let i = 0; i < 2; i++) {
        const stopped = (await kagami.call('POST', `${path}/stop`, { login: OWNER })).as(mirrorAnswerSchema)
        expect(stopped.mirror.state).toBe('stopped')
      }
      expect((await kagami.call('POST', `${path}/sync`, { login: OWNER, body: {} })).code).toBe('CONFLICT')
      expect((await kagami.call('GET', '/repositories/acme/charts%2Fnginx', { login: member })).status).toBe(200)
    })

    test('making a mirrored repository public pauses its mirror: an owner may, an editor may not', async () => {
      const { run } = (await start({ repository: 'node', as: 'shown' })).as(mirrorRunAnswerSchema)
      await kagami.server.mirrors.wait(run.id)
      const editor = await kagami.addUser('editor', { acme: 'editor' })
      const publish = (login: Login) =>
        kagami.call('PATCH', '/repositories/acme/shown', { login, body: { visibility: 'public' } })
      expect((await publish(editor)).code).toBe('DENIED')
      const remove = await kagami.call('DELETE', '/repositories/acme/shown?confirm=acme/shown', { login: editor })
      expect(remove.code).toBe('DENIED')
      const path = '/repositories/acme/shown'
      const asked = await kagami.call('PATCH', path, { login: OWNER, body: { visibility: 'public', dryRun: true } })
      expect(asked.as(repositoryChangeAnswerSchema)).toMatchObject({
        repository: { visibility: 'private' },
        effects: [expect.stringContaining('The mirror acme/shown pauses')],
      })
      expect((await publish(OWNER)).status).toBe(200)
      const { mirror } = (await kagami.call('GET', '/mirrors/acme/shown', { login: OWNER })).as(mirrorAnswerSchema)
      expect([mirror.state, mirror.pauses.map(({ cause }) => cause)]).toEqual(['paused', ['public']])
      const back = await kagami.call('PATCH', path, { login: OWNER, body: { visibility: 'private' } })
      expect(back.as(repositoryChangeAnswerSchema).effects).toEqual([
        'The mirror acme/shown resumes, with a full check.',
      ])
      const again = (await kagami.call('GET', '/mirrors/acme/shown', { login: OWNER })).as(mirrorAnswerSchema)
      expect(again.mirror.pauses).toEqual([])
    })

    test('deleting a repository while a run writes to it ends the mirror, and harms nothing else', async () => {
      const sample = new URL(kagami.server.sampleUrl ?? '')
      const { promise: gate, resolve: open } = Promise.withResolvers<void>()
      const slow = await countingProxy(sample.origin, {
        onRequest: (request) => (request.kind === 'blob-get' ? { until: gate } : undefined),
      })
      try {
        const upstream = { name: 'slow', url: `${slow.url}${sample.pathname}`, organization: 'acme' }
        await kagami.call('POST', '/upstreams', { login: OWNER, body: upstream })
        const { run } = (await start({ upstream: 'slow', repository: 'nginx', as: 'doomed' })).as(mirrorRunAnswerSchema)
        await slow.seen((request) => request.kind === 'blob-get')
        const path = '/repositories/acme/doomed?confirm=acme/doomed'
        expect((await kagami.call('DELETE', path, { login: OWNER })).status).toBe(204)
        open()
        await kagami.server.mirrors.wait(run.id).catch(() => {})
        expect((await kagami.call('GET', '/mirrors/acme/doomed', { login: OWNER })).code).toBe('NOT_FOUND')
        expect((await kagami.call('DELETE', '/upstreams/slow?organization=acme', { login: OWNER })).status).toBe(204)
        const { run: next } = (await start({ repository: 'nginx', as: 'doomed' })).as(mirrorRunAnswerSchema)
        expect((await kagami.server.mirrors.wait(next.id)).outcome).toBe('done')
      } finally {
        open()
        await slow.stop()
      }
    })

    test('the progress of others cannot be followed', async () => {
      for (const name of ['dhi-python', 'nothing']) {
        const answer = await kagami.call('GET', `/mirrors/acme/${name}/progress`, { login: stranger })
        expect([answer.status, answer.code]).toEqual([403, 'DENIED'])
      }
    })

    test('following a mirror ends when the client goes away', async () => {
      const end = new AbortController()
      const response = await fetch(`${kagami.url}/api/v1/mirrors/acme/dhi-python/progress`, {
        headers: { authorization: authorization(OWNER) },
        signal: end.signal,
      })
      const reader = response.body?.getReader()
      const first = await reader?.read()
      expect(new TextDecoder().decode(first?.value)).toContain('"mirror":"acme/dhi-python"')
      end.abort()
      await expect(reader?.read()).rejects.toThrow()
    })

    test('a release of the sample is brought in by a sync: moved tags, and nothing lost', async () => {
      expect((await kagami.call('POST', '/sample/releases', { login: member })).code).toBe('DENIED')
      const released = (await kagami.call('POST', '/sample/releases', { login: OWNER })).as(sampleReleaseAnswerSchema)
      const python = released.sample.repositories.find(({ name }) => name === 'python')
      expect(released.sample.release).toBe(2)
      expect(python?.movedTags.length).toBeGreaterThan(0)
      const plan = await kagami.call('POST', '/mirrors/acme/dhi-python/sync', { login: OWNER, body: { dryRun: true } })
      expect(plan.as(planAnswerSchema).plan.totals.tagsMoved).toBe(python?.movedTags.length ?? 0)
      const begun = await kagami.call('POST', '/mirrors/acme/dhi-python/sync', { login: OWNER, body: {} })
      const { run } = begun.as(mirrorRunAnswerSchema)
      expect(run.trigger).toBe('sync')
      const ended = await kagami.server.mirrors.wait(run.id)
      expect(ended).toMatchObject({ outcome: 'done', counts: { tagsMoved: python?.movedTags.length } })
    })
  })

  describe('upstreams and the catalog', () => {
    test('the sample is shared: every organization sees it and what it has', async () => {
      const { upstreams } = (await kagami.call('GET', '/upstreams', { login: stranger })).as(upstreamListSchema)
      expect(upstreams.map(({ name, organization }) => [name, organization])).toEqual([['sample', null]])
      await kagami.call('GET', '/catalog?upstream=sample&limit=2', { login: stranger })
      await catalogIsRead(kagami, 'sample')
      const catalog = await kagami.call('GET', '/catalog?upstream=sample&limit=2', { login: stranger })
      const page = catalog.as(catalogListSchema)
      expect(page.entries.map(({ repository }) => repository)).toEqual(['nginx', 'nginx-chart'])
      const rest = await kagami.call('GET', `/catalog?upstream=sample&after=${page.next}`, { login: stranger })
      // The mirrors of other organizations are not shown.
      const { entries, next } = rest.as(catalogListSchema)
      expect(entries.map(({ upstream, repository, mirrors }) => [upstream, repository, mirrors])).toEqual([
        ['sample', 'node', []],
        ['sample', 'python', []],
      ])
      expect(next).toBeNull()
      const own = (await kagami.call('GET', '/catalog?upstream=sample', { login: member })).as(catalogListSchema)
      expect(own.entries.find(({ repository }) => repository === 'python')?.mirrors).toEqual(['acme/dhi-python'])
    })

    test('belong to one organization, whose owners add and remove them; the password is never shown', async () => {
      const body = {
        name: 'hub',
        url: 'https://registry.example.com/team',
        organization: 'acme',
        username: 'robot',
        password: 'secret of the robot',
      }
      expect((await kagami.call('POST', '/upstreams', { login: member, body })).code).toBe('DENIED')
      const made = await kagami.call('POST', '/upstreams', { login: OWNER, body })
      expect(made.status).toBe(201)
      expect(made.as(upstreamAnswerSchema).upstream).toMatchObject({
        name: 'hub',
        organization: 'acme',
        username: 'robot',
      })
      const listed = await kagami.call('GET', '/upstreams', { login: member })
      expect(listed.text + made.text).not.toContain('secret of the robot')
      expect(listed.as(upstreamListSchema).upstreams.map(({ name }) => name)).toEqual(['hub', 'sample'])
      expect((await kagami.call('GET', '/upstreams', { login: stranger })).text).not.toContain('"hub"')
      expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).code).toBe('CONFLICT')
      expect((await kagami.call('DELETE', '/upstreams/hub', { login: OWNER })).code).toBe('NOT_FOUND')
      expect((await kagami.call('DELETE', '/upstreams/hub?organization=acme', { login: OWNER })).status).toBe(204)
    })

    test('are refused for a bad address, plain http to elsewhere, half a login, or a CA that is none', async () => {
      const base = { name: 'bad', url: 'https://registry.example.com', organization: 'acme' }
      for (const [change, word] of [
        [{ url: 'ftp://registry.example.com' }, 'url'],
        [{ url: 'https://user:pass@registry.example.com' }, 'credentials'],
        [{ url: 'http://registry.example.com' }, '--plain-http'],
        [{ username: 'robot' }, 'password'],
        [{ ca: 'not a certificate' }, 'ca'],
      ] as const) {
        const answer = await kagami.call('POST', '/upstreams', { login: OWNER, body: { ...base, ...change } })
        expect([answer.status, answer.code]).toEqual([400, 'INVALID_REQUEST'])
        expect(answer.message.toLowerCase()).toContain(word)
      }
      const body = { ...base, referrersFrom: 'nowhere' }
      expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).code).toBe('NOT_FOUND')
    })

    test('that are shared are added by operators only; one that is in use stays', async () => {
      const body = { name: 'all', url: 'https://registry.example.com', organization: null }
      expect((await kagami.call('POST', '/upstreams', { login: stranger, body })).code).toBe('DENIED')
      expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).status).toBe(201)
      expect((await kagami.call('DELETE', '/upstreams/all', { login: OWNER })).status).toBe(204)
      const used = await kagami.call('DELETE', '/upstreams/sample', { login: OWNER })
      expect([used.status, used.code]).toEqual([409, 'CONFLICT'])
    })
  })
})
