// The secret address of an upstream: who makes it, what it lets its holder do, and what it tells.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { upstreamHookSchema } from '../../../src/api/hooks.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'
import { PUSHES, requestOf } from './payloads.ts'

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const DIGEST = `sha256:${'a'.repeat(64)}`

describeOnEachDatabase('the hook of an upstream', (start) => {
  let kagami: WholeServer
  let insider: Login
  beforeAll(async () => {
    kagami = await start({ withSample: true })
    insider = await kagami.addUser('insider', { teamorg: 'owner' })
    await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
  })
  afterAll(() => kagami.stop())

  const make = (name: string, o: { organization?: string; rotate?: boolean; login?: Login } = {}) =>
    kagami.call(
      'POST',
      `/upstreams/${name}/hook${o.organization === undefined ? '' : `?organization=${o.organization}`}`,
      {
        login: o.login ?? OWNER,
        body: { rotate: o.rotate ?? false },
      },
    )
  const urlOf = async (...args: Parameters<typeof make>) => (await make(...args)).as(upstreamHookSchema).url
  async function post(url: string, payload: Parameters<typeof requestOf>[0]) {
    const answer = await fetch(url, { method: 'POST', ...requestOf(payload) })
    const text = await answer.text()
    return { status: answer.status, text, headers: answer.headers, json: JSON.parse(text) }
  }
  async function addUpstream(name: string, organization: string, url: string): Promise<void> {
    const body = { name, organization, url, check: false }
    expect((await kagami.call('POST', '/upstreams', { login: insider, body })).status).toBe(201)
  }

  test('is made once, rotated, and removed', async () => {
    await addUpstream('rotated', 'teamorg', 'https://registry.example')
    const first = await urlOf('rotated', { organization: 'teamorg', login: insider })
    expect(first).toStartWith(`${kagami.url}/hooks/kgm_hook_`)
    const again = await make('rotated', { organization: 'teamorg', login: insider })
    expect([again.status, again.code]).toEqual([409, 'CONFLICT'])
    expect(again.message).toContain('--rotate')
    const push = PUSHES.Quay({ repository: 'a/b', tag: '1' })
    expect((await post(first, push)).status).toBe(202)
    const second = await urlOf('rotated', { organization: 'teamorg', login: insider, rotate: true })
    expect((await post(first, push)).status).toBe(404)
    expect((await post(second, push)).status).toBe(202)
    const remove = () =>
      kagami
        .call('DELETE', '/upstreams/rotated/hook?organization=teamorg', { login: insider })
        .then(({ status }) => status)
    expect([await remove(), await remove()]).toEqual([204, 404])
    expect((await post(second, push)).status).toBe(404)
  })

  test('is for owners, and of a shared upstream for operators', async () => {
    await addUpstream('guarded', 'teamorg', 'https://registry.example')
    const editor = await kagami.addUser('editor', { teamorg: 'editor' })
    for (const [login, o] of [
      [editor, { organization: 'teamorg' }],
      [await kagami.addUser('stranger', { elsewhere: 'owner' }), { organization: 'teamorg' }],
      [insider, {}],
    ] as const) {
      expect((await make(o.organization === undefined ? 'sample' : 'guarded', { ...o, login })).status).toBe(403)
    }
    expect((await make('sample', { organization: 'teamorg', login: insider })).status).toBe(404)
  })

  test('without a right secret there is nothing, as at any unknown path', async () => {
    const right = await urlOf('sample')
    const wrong = `${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}`
    for (const url of [wrong, `${kagami.url}/hooks/`, `${kagami.url}/hooks/x`, `${right}/`, `${kagami.url}/hooks`]) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const answer = await fetch(url, { method, ...(method === 'POST' ? { body: 'not even JSON' } : {}) })
        const unknown = await fetch(url.replace('/hooks', '/hoaxs'), { method })
        expect([url, answer.status]).toEqual([url, 404])
        expect((await answer.text()).replace('/hooks', '/hoaxs')).toBe(await unknown.text())
      }
    }
    const get = await fetch(right)
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
  })

  test('a delivery of nobody is 400 with what was understood, one too large 413', async () => {
    const url = await urlOf('sample', { rotate: true })
    const unknown = await post(url, { body: { hello: 'world' } })
    expect([unknown.status, unknown.json.error.code]).toEqual([400, 'INVALID_REQUEST'])
    expect(unknown.json.error.message).toContain('it has "hello"; want a webhook of')
    expect((await post(url, { body: 'not JSON' })).status).toBe(400)
    expect((await post(url, { body: `${'['.repeat(70)}${']'.repeat(70)}` })).json.error.message).toContain(
      'nests deeper',
    )
    const large = await post(url, { body: 'x'.repeat(1024 * 1024 + 1) })
    expect([large.status, large.json.error.code]).toEqual([413, 'SIZE_INVALID'])
    const endless = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(64 * 1024))
      },
    })
    expect((await fetch(url, { method: 'POST', body: endless })).status).toBe(413)
  })

  test('of an own upstream tells the mirrors of the organization; of a shared one nobody', async () => {
    const sample = kagami.server.sampleUrl ?? ''
    await addUpstream('ownsample', 'teamorg', sample)
    const started = { organization: 'teamorg', upstream: 'ownsample', repository: 'nginx', as: 'ownnginx' }
    const { status, text } = await kagami.call('POST', '/mirrors', { login: insider, body: started })
    expect(status).toBe(202)
    await kagami.server.mirrors.wait(JSON.parse(text).run.id)
    const own = await post(
      await urlOf('ownsample', { organization: 'teamorg', login: insider }),
      PUSHES['Docker Hub']({ repository: 'dhi/nginx', tag: 'latest' }),
    )
    expect(own.json).toEqual({
      upstream: 'ownsample',
      format: 'Docker Hub',
      repositories: [
        { repository: 'nginx', tags: ['latest'], whole: false, mirrors: ['teamorg/ownnginx'], notStarted: [] },
      ],
      ignored: [],
    })
    const url = await urlOf('sample', { rotate: true })
    const there = await post(url, PUSHES.Kagami({ repository: 'dhi/python', tag: '3.13' }))
    const absent = await post(url, PUSHES.Kagami({ repository: 'dhi/none', tag: '3.13' }))
    expect(there.json).toEqual({
      upstream: 'sample',
      format: 'Kagami',
      repositories: [{ repository: 'python', tags: ['3.13'], whole: false, mirrors: [], notStarted: [] }],
      ignored: [],
    })
    expect(absent.text.replace('none', 'python')).toBe(there.text)
    const elsewhere = await post(url, PUSHES.Quay({ repository: 'other/python', tag: '3.13' }))
    expect([elsewhere.status, elsewhere.json.repositories, elsewhere.json.ignored]).toEqual([
      202,
      [],
      ['other/python is not below /dhi, where this upstream begins'],
    ])
  })

  test('deliveries of many pushes are fewer that it takes in a minute', async () => {
    await addUpstream('crowded', 'teamorg', 'https://registry.example')
    const url = await urlOf('crowded', { organization: 'teamorg', login: insider })
    const target = (i: number) => ({ mediaType: OCI_MANIFEST, repository: `r/a${i}`, tag: '1', digest: DIGEST })
    const events = Array.from({ length: 1000 }, (_, i) => ({ action: 'push', target: target(i) }))
    const statuses: number[] = []
    for (let i = 0; i < 40 && statuses.at(-1) !== 429; i++) {
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ events }) })
      statuses.push(answer.status)
      if (answer.status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      await answer.text()
    }
    expect(statuses).toEqual([...Array(23).fill(202), 429])
  })
})
