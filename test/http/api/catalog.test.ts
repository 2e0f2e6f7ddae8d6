// The catalog as the API shows it: what is in it, whose it is, who may have it read, and what comes of strangers' pictures.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { catalogDetailAnswerSchema, catalogListSchema, catalogStateAnswerSchema } from '../../../src/api/catalog.ts'
import { sampleReleaseAnswerSchema } from '../../../src/api/sample.ts'
import { catalogIsRead } from '../../support/catalog.ts'
import { createTestCa } from '../../support/certificates.ts'
import { fixturePath, testWithFixtures } from '../../support/fixtures.ts'
import { slowRegistry } from '../../support/slow-registry.ts'
import { type Login, OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

let kagami: WholeServer
let member: Login
let editor: Login
let stranger: Login

beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  member = await kagami.addUser('member', { acme: 'member' })
  editor = await kagami.addUser('editor', { acme: 'editor' })
  stranger = await kagami.addUser('stranger', { elsewhere: 'owner' })
  await catalogIsRead(kagami, 'sample')
  await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
})
afterAll(() => kagami.stop())

const hostile = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

/** An archive of definitions of `app`, served once as it is. */
async function archive(): Promise<Uint8Array> {
  const tar = pack()
  tar.entry({ name: 'x/image/app/debian-13/1.yaml' }, 'image: dhi.io/app\ntags: ["1.0"]\n')
  tar.entry({ name: 'x/image/app/overview.md' }, 'About <script>alert(1)</script> [x](javascript:alert(1))')
  tar.entry({ name: 'x/image/app/logo.svg' }, hostile)
  tar.finalize()
  const parts: Buffer[] = []
  for await (const part of tar) parts.push(part as Buffer)
  return gzipSync(Buffer.concat(parts))
}

describe('the catalog', () => {
  test('describes the sample from its first start on, and follows its releases', async () => {
    const list = (await kagami.call('GET', '/catalog?upstream=sample', { login: member })).as(catalogListSchema)
    expect(list.entries.map((one) => [one.repository, one.title, one.kind, one.compliance, one.support])).toEqual([
      ['nginx', 'NGINX', 'image', ['cis'], 'active'],
      ['nginx-chart', 'NGINX Helm chart', 'chart', [], null],
      ['node', 'Node.js', 'image', ['cis'], 'active'],
      ['python', 'Python', 'image', ['cis'], 'active'],
    ])
    const show = async () =>
      (await kagami.call('GET', '/catalog/sample/python', { login: member })).as(catalogDetailAnswerSchema).entry
    const before = await show()
    expect(before).toMatchObject({
      categories: ['languages-and-frameworks', 'data-science'],
      mirrors: ['acme/dhi-python'],
    })
    expect(before.overview).toStartWith('## About Python')
    expect(before.variants).toHaveLength(3)
    for (const { mirrored } of before.variants) expect(mirrored).toEqual([{ repository: 'acme/dhi-python', tags: 7 }])
    expect(
      (await kagami.call('POST', '/sample/releases', { login: OWNER })).as(sampleReleaseAnswerSchema).sample.release,
    ).toBe(2)
    await catalogIsRead(kagami, 'sample')
    const after = await show()
    // The mirror has not synced yet: two tags of the new release are not there.
    expect(after.variants[0]?.mirrored).toEqual([{ repository: 'acme/dhi-python', tags: 5 }])
    expect(after.variants.flatMap(({ tags }) => tags)).toContain('3.13.10')
  })

  test('shows strangers an entry without the mirrors of others', async () => {
    const { entry } = (await kagami.call('GET', '/catalog/sample/python', { login: stranger })).as(
      catalogDetailAnswerSchema,
    )
    expect([entry.title, entry.mirrors, entry.variants.flatMap(({ mirrored }) => mirrored)]).toEqual(['Python', [], []])
    const { code, message } = await kagami.call('GET', '/catalog/sample/none', { login: stranger })
    expect([code, message]).toEqual(['NOT_FOUND', 'the catalog of sample has no none'])
  })

  test('serves a logo that can run and load nothing', async () => {
    const answer = await kagami.call('GET', '/catalog/sample/python/logo?v=1', { login: member })
    expect(answer.status).toBe(200)
    expect(answer.text).toStartWith('<svg')
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/svg+xml',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, max-age=604800, immutable',
    })
    expect((await kagami.call('GET', '/catalog/sample/none/logo', { login: member })).code).toBe('NOT_FOUND')
    expect((await kagami.call('GET', '/catalog/sample/python/logo')).status).toBe(401)
  })

  test('is read now for owners and editors; what shrank is accepted by whoever manages the upstream', async () => {
    const refresh = (login: Login, body: unknown = {}) =>
      kagami.call('POST', '/catalog/sample/refresh', { login, body })
    expect((await refresh(member)).code).toBe('DENIED')
    expect((await refresh(editor)).as(catalogStateAnswerSchema).catalog).toMatchObject({
      upstream: 'sample',
      entries: 4,
    })
    expect((await refresh(editor, { acceptShrink: true })).code).toBe('DENIED')
    expect((await refresh(OWNER, { acceptShrink: true })).status).toBe(200)
    const change = (login: Login, query = '') =>
      kagami.call('PATCH', `/catalog/sample${query}`, { login, body: { names: ['a'] } })
    expect((await change(stranger)).code).toBe('DENIED')
    expect((await change(OWNER, '?organization=acme')).code).toBe('NOT_FOUND')
    expect((await kagami.call('PATCH', '/catalog/sample', { login: OWNER, body: {} })).code).toBe('INVALID_REQUEST')
    const upstream = (n: number) => ({
      name: `up${n}`,
      url: 'https://a.example',
      organization: 'elsewhere',
      check: false,
    })
    for (let n = 1; n <= 5; n++) {
      await kagami.call('POST', '/upstreams', { login: stranger, body: upstream(n) })
      const body = { definitions: 'https://127.0.0.1:9/x.tgz' }
      const answer = await kagami.call('PATCH', `/catalog/up${n}?organization=elsewhere`, { login: stranger, body })
      expect([n, answer.code]).toEqual([n, n <= 4 ? undefined : 'CONFLICT'])
    }
    const folder = { definitions: fixturePath('catalog') }
    expect((await kagami.call('PATCH', '/catalog/sample', { login: OWNER, body: folder })).code).toBe('INVALID_REQUEST')
  })

  test('of a registry that lists nothing is a list that its owner gives, described by an archive over https', async () => {
    const authority = createTestCa()
    const day = 24 * 60 * 60 * 1000
    const tls = authority.issue({ name: 'localhost', from: new Date(Date.now() - day), to: new Date(Date.now() + day) })
    const body = await archive()
    let asked = 0
    let etags: (string | null)[] = []
    const host = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls,
      fetch(request) {
        const { pathname } = new URL(request.url)
        if (pathname !== '/definitions.tgz') return new Response('no', { status: 404 })
        asked++
        etags = [...etags, request.headers.get('if-none-match')]
        if (request.headers.get('if-none-match') === '"one"') return new Response(null, { status: 304 })
        return new Response(new Uint8Array(body), { headers: { etag: '"one"' } })
      },
    })
    try {
      const url = `https://localhost:${host.port}`
      const upstream = { name: 'bare', url, organization: 'acme', ca: authority.ca }
      expect((await kagami.call('POST', '/upstreams', { login: OWNER, body: upstream })).status).toBe(201)
      const list = () => kagami.call('GET', '/catalog?upstream=bare', { login: member })
      // The first look asks nobody, and has it read.
      expect(JSON.parse((await list()).text)).toEqual({ entries: [], next: null, reading: true })
      expect((await catalogIsRead(kagami, 'bare', 'acme')).problem?.code).toBe('UPSTREAM_UNSUPPORTED')
      expect((await list()).code).toBe('UPSTREAM_UNSUPPORTED')
      const settings = { names: ['app', 'team/other'], definitions: `${url}/definitions.tgz?token=secret` }
      const path = '/catalog/bare?organization=acme'
      expect((await kagami.call('PATCH', path, { login: editor, body: settings })).code).toBe('DENIED')
      const changed = (await kagami.call('PATCH', path, { login: OWNER, body: settings })).as(catalogStateAnswerSchema)
      expect(changed.catalog).toMatchObject({ given: 2, refreshing: true })
      const state = await catalogIsRead(kagami, 'bare', 'acme')
      expect(state).toMatchObject({ source: 'given', entries: 2, problem: null })
      expect(state.definitions).toMatchObject({ from: 'url', entries: 1, problem: null, notes: [] })
      // What the address asks for is for whoever manages it.
      expect(state.definitions?.url).toContain('token=secret')
      expect((await kagami.call('GET', '/catalog/bare', { login: member })).text).not.toContain('secret')
      expect(
        (await list()).as(catalogListSchema).entries.map(({ repository, logo }) => [repository, logo !== null]),
      ).toEqual([
        ['app', true],
        ['team/other', false],
      ])
      const other = await kagami.call('GET', '/catalog/bare/team%2Fother', { login: member })
      expect(other.as(catalogDetailAnswerSchema).entry.variants).toEqual([])
      // As its author wrote it: whoever shows it makes it harmless.
      const { entry } = (await kagami.call('GET', '/catalog/bare/app', { login: member })).as(catalogDetailAnswerSchema)
      expect(entry.overview).toContain('<script>')
      const logo = await kagami.call('GET', '/catalog/bare/app/logo', { login: member })
      expect([logo.text, logo.headers.get('content-security-policy')]).toEqual([
        hostile,
        expect.stringContaining('sandbox'),
      ])
      await kagami.call('POST', '/catalog/bare/refresh?organization=acme', {
        login: OWNER,
        body: { acceptShrink: true },
      })
      await catalogIsRead(kagami, 'bare', 'acme')
      expect([asked, etags]).toEqual([2, [null, '"one"']])
      for (const path of ['', '/app', '/app/logo']) {
        expect((await kagami.call('GET', `/catalog/bare${path}`, { login: stranger })).code).toBe('NOT_FOUND')
      }
    } finally {
      await host.stop(true)
      authority.remove()
    }
  })

  test('is told as one that is being read while its registry takes its time, and then is there', async () => {
    const slow = slowRegistry(['app', 'team/tool'])
    try {
      const body = { name: 'slow', url: slow.url, organization: 'acme', check: false }
      expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).status).toBe(201)
      const list = async (query = '') =>
        (await kagami.call('GET', `/catalog?upstream=slow${query}`, { login: member })).as(catalogListSchema)
      expect(await list()).toEqual({ entries: [], next: null, reading: true })
      await slow.isAsked
      expect(await list()).toEqual({ entries: [], next: null, reading: true })
      slow.release()
      await catalogIsRead(kagami, 'slow', 'acme')
      expect(await list()).toMatchObject({
        entries: [{ repository: 'app' }, { repository: 'team/tool' }],
        reading: false,
      })
    } finally {
      await slow.stop()
    }
  })
})

testWithFixtures('the operator names a folder of the server for a shared upstream', async () => {
  const other = await startWholeServer({
    withSample: true,
    env: { KAGAMI_DEFINITIONS: `sample=${fixturePath('catalog')}` },
  })
  try {
    const state = await catalogIsRead(other, 'sample')
    expect(state.definitions).toMatchObject({ from: 'server', url: null, entries: 15 })
    expect(JSON.stringify(state)).not.toContain(fixturePath('catalog'))
    const { entries } = (await other.call('GET', '/catalog?upstream=sample', { login: OWNER })).as(catalogListSchema)
    // What the registry does not have is not shown, however it is described.
    expect(entries.map(({ repository, distributions }) => [repository, distributions])).toEqual([
      ['nginx', ['debian-13']],
      ['nginx-chart', []],
      ['node', ['alpine-3.24', 'debian-13']],
      ['python', ['alpine-3.24', 'debian-13']],
    ])
  } finally {
    await other.stop()
  }
})
