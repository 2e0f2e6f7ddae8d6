import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mirrorAnswerSchema, mirrorRunAnswerSchema } from '../../../src/api/mirrors.ts'
import { upstreamAnswerSchema, upstreamChangeAnswerSchema, upstreamListSchema } from '../../../src/api/upstreams.ts'
import { type CountingProxy, countingProxy } from '../../support/proxy.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

describeOnEachDatabase('changing an upstream', (startServer) => {
  let kagami: WholeServer
  let member: Login
  let stranger: Login
  let prefix: string
  let first: CountingProxy
  let second: CountingProxy
  beforeAll(async () => {
    kagami = await startServer({ withSample: true })
    member = await kagami.addUser('member', { acme: 'member' })
    stranger = await kagami.addUser('stranger', { beta: 'owner' })
    await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
    const sample = new URL(kagami.server.sampleUrl ?? '')
    prefix = sample.pathname
    first = await countingProxy(sample.origin)
    second = await countingProxy(sample.origin)
  })
  afterAll(async () => {
    await first?.stop()
    await second?.stop()
    await kagami?.stop()
  })

  const add = (body: object) =>
    kagami.call('POST', '/upstreams', { login: OWNER, body: { organization: 'acme', ...body } })
  const patch = (name: string, body: object, login: Login | undefined = OWNER, organization: string | null = 'acme') =>
    kagami.call('PATCH', `/upstreams/${name}${organization === null ? '' : `?organization=${organization}`}`, {
      login,
      body,
    })
  const changed = async (name: string, body: object) => (await patch(name, body)).as(upstreamChangeAnswerSchema)
  const run = async (path: string, body: object) => {
    const begun = (await kagami.call('POST', path, { login: OWNER, body })).as(mirrorRunAnswerSchema)
    return { mirror: begun.mirror, ...(await kagami.server.mirrors.wait(begun.run.id)) }
  }
  const start = (upstream: string, repository: string, as: string) =>
    run('/mirrors', { organization: 'acme', upstream, repository, as })
  const sync = (name: string) => run(`/mirrors/acme/${name}/sync`, {})

  test('a mirror whose password has become wrong goes on with the new one: the same mirror, nothing lost', async () => {
    const reader = await kagami.addUser('reader', { acme: 'member' })
    await add({ name: 'self', url: `${kagami.url}/acme`, username: 'reader', password: reader.password, check: true })
    const { mirror } = await start('self', 'dhi-python', 'copy')
    await changed('self', { password: 'not the password' })
    const refused = await sync('copy')
    expect(refused.outcome).toBe('failed')
    const answer = await changed('self', { password: reader.password, check: true })
    expect(answer).toMatchObject({ check: { login: 'accepted' }, mirrors: ['acme/copy'], isOtherSource: true })
    const again = await sync('copy')
    expect(again).toMatchObject({ outcome: 'done', counts: { tagsMoved: 0, tagsUnchanged: 21, blobs: 0 } })
    const after = (await kagami.call('GET', '/mirrors/acme/copy', { login: OWNER })).as(mirrorAnswerSchema)
    expect(after.mirror).toMatchObject({ id: mirror.id, state: 'active' })
    const same = await changed('self', { password: reader.password })
    expect([same.isOtherSource, same.check]).toEqual([false, null])
  })

  test('a dry run says what would be another, asks nothing and changes nothing', async () => {
    await add({ name: 'tried', url: 'https://tried.example', username: 'robot', password: 'one' })
    const rows = () => kagami.call('GET', '/upstreams?organization=acme', { login: OWNER })
    const before = (await rows()).text
    const same = { url: 'tried.example', username: 'robot', password: 'one', ca: null, plainHttp: false, prefix: '' }
    expect((await changed('tried', { ...same, dryRun: true, check: true })).changes).toEqual([])
    const other = { ...same, password: 'two', prefix: 'x-', plainHttp: true, dryRun: true, check: true }
    expect(await changed('tried', other)).toMatchObject({
      changes: ['password', 'plainHttp', 'prefix'],
      isOtherSource: true,
    })
    expect((await changed('tried', { password: null, dryRun: true })).changes).toEqual(['username', 'password'])
    const refused = await kagami.call('PATCH', '/upstreams/tried?organization=acme', {
      login: OWNER,
      body: { url: 'http://tried.example', dryRun: true },
    })
    expect([refused.status, refused.code]).toEqual([400, 'INVALID_REQUEST'])
    expect((await rows()).text).toBe(before)
    expect((await changed('tried', { prefix: 'y-' })).changes).toEqual(['prefix'])
  })

  test('another address is another source: lists are read anew, and a further mirror fetches its own content (invariant 2)', async () => {
    await add({ name: 'moving', url: `${first.url}${prefix}` })
    expect((await start('moving', 'nginx', 'a')).counts.blobs).toBeGreaterThan(0)
    expect((await start('moving', 'nginx', 'b')).counts.blobs).toBe(0)
    const quiet = await sync('a')
    expect((await changed('moving', { url: `${second.url}/v2${prefix}/` })).isOtherSource).toBe(true)
    const moved = await sync('a')
    expect(moved).toMatchObject({ outcome: 'done', counts: { tagsMoved: 0, blobs: 0, failed: 0 } })
    // The lists of attestations too, which a quiet run takes from what it knows.
    expect(moved.counts.requests).toBeGreaterThan(quiet.counts.requests)
    expect((await sync('a')).counts.requests).toBe(quiet.counts.requests)
    expect((await start('moving', 'nginx', 'c')).counts.blobs).toBeGreaterThan(0)
    await changed('moving', { url: `${first.url}${prefix}` })
    expect((await start('moving', 'nginx', 'd')).counts.blobs).toBe(0)
  })

  test('a password is sent to no other registry than the one it was given for', async () => {
    const login = { username: 'robot', password: 'secret of the robot' }
    await add({ name: 'vault', url: 'https://vault.example.com/a', ...login })
    const kept = async () => {
      const { upstreams } = (await kagami.call('GET', '/upstreams', { login: OWNER })).as(upstreamListSchema)
      return upstreams.find(({ name }) => name === 'vault')
    }
    for (const url of [
      'https://evil.example.com/a',
      'https://vault.example.com:8443/a',
      'http://vault.example.com/a',
    ]) {
      const answer = await patch('vault', { url, plainHttp: true })
      expect([answer.status, answer.code]).toEqual([400, 'INVALID_REQUEST'])
      expect(answer.message).toContain('--no-credential')
    }
    expect(await kept()).toMatchObject({ url: 'https://vault.example.com/a', username: 'robot', plainHttp: false })
    await changed('vault', { url: 'https://vault.example.com/b' })
    expect(await kept()).toMatchObject({ url: 'https://vault.example.com/b', username: 'robot' })
    await changed('vault', { url: 'https://other.example.com', password: null })
    expect(await kept()).toMatchObject({ url: 'https://other.example.com', username: null })
    const back = await patch('vault', { url: 'https://vault.example.com', ...login })
    expect(back.as(upstreamChangeAnswerSchema).upstream.username).toBe('robot')
    expect(back.text).not.toContain(login.password)
  })

  test('referrer source, CA and plain http come and go', async () => {
    await add({ name: 'notes', url: 'https://notes.example.com' })
    await add({ name: 'images', url: 'https://images.example.com' })
    expect((await changed('images', { referrersFrom: 'notes' })).upstream.referrersFrom).toBe('notes')
    expect((await changed('images', { plainHttp: true })).upstream).toMatchObject({
      plainHttp: true,
      referrersFrom: 'notes',
    })
    expect((await changed('images', { referrersFrom: null, ca: null })).upstream.referrersFrom).toBeNull()
    expect((await changed('images', { prefix: 'base-' })).upstream).toMatchObject({ prefix: 'base-', plainHttp: true })
    expect((await changed('images', { url: 'https://images.example.com/dhi' })).upstream.prefix).toBe('base-')
    expect((await changed('images', { prefix: '' })).upstream.prefix).toBe('')
    expect((await patch('images', { prefix: 'No!' })).code).toBe('INVALID_REQUEST')
    expect((await patch('images', { referrersFrom: 'images' })).code).toBe('INVALID_REQUEST')
    expect((await patch('images', { referrersFrom: 'nowhere' })).code).toBe('NOT_FOUND')
    expect((await patch('images', { ca: 'none' })).code).toBe('INVALID_REQUEST')
    expect((await patch('images', { plainHttp: false })).status).toBe(200)
    expect((await patch('images', { url: 'http://images.example.com' })).message).toContain('--plain-http')
    expect((await patch('images', { url: 'https://images.example.com/app:1' })).message).toContain('is an image')
    for (const body of [{}, { check: true }, { username: 'x' }, { username: 'x', password: null }, { name: 'y' }]) {
      expect((await patch('images', body)).code).toBe('INVALID_REQUEST')
    }
    expect((await patch('images', { password: 'without a user' })).code).toBe('INVALID_REQUEST')
  })

  test('is decided as adding is, and tells nobody else whether it is there', async () => {
    await add({ name: 'ours', url: 'https://ours.example.com' })
    const body = { plainHttp: true }
    for (const name of ['ours', 'nowhere']) {
      expect((await kagami.call('PATCH', `/upstreams/${name}?organization=acme`, { body })).status).toBe(401)
      for (const login of [member, stranger]) expect((await patch(name, body, login)).code).toBe('DENIED')
    }
    expect((await patch('sample', body, stranger, null)).code).toBe('DENIED')
    expect((await patch('ours', body, stranger, 'beta')).code).toBe('NOT_FOUND')
    // The organization's own only: not the shared one of that name.
    const shared = await patch('sample', body)
    expect([shared.code, shared.message]).toEqual([
      'NOT_FOUND',
      'there is no upstream sample of this organization; one of that name is shared: name no organization (--shared)',
    ])
    expect((await patch('nowhere', body)).message).toBe('there is no upstream nowhere of this organization')
    expect((await patch('sample', body, OWNER, null)).status).toBe(200)
  })

  describe('with a look at the registry', () => {
    test('what cannot be read from is neither added nor changed', async () => {
      const gone = await add({ name: 'gone', url: 'http://127.0.0.1:1', check: true })
      expect([gone.status, gone.code]).toEqual([502, 'UPSTREAM_UNAVAILABLE'])
      const inside = await add({ name: 'gone', url: 'https://10.0.0.1:22', check: true })
      expect([inside.status, inside.code]).toEqual([400, 'ADDRESS_NOT_ALLOWED'])
      expect((await kagami.call('DELETE', '/upstreams/gone?organization=acme', { login: OWNER })).code).toBe(
        'NOT_FOUND',
      )
      await add({ name: 'here', url: `${first.url}${prefix}` })
      expect((await patch('here', { url: 'http://127.0.0.1:1', check: true })).code).toBe('UPSTREAM_UNAVAILABLE')
      const login = { username: 'nobody', password: 'wrong' }
      expect((await patch('here', { ...login, check: true })).code).toBe('UPSTREAM_DENIED')
      const still = (await changed('here', { plainHttp: true })).upstream
      expect(still).toMatchObject({ url: `${first.url}${prefix}`, username: null })
    })

    test('what is wrong here is told without asking anybody', async () => {
      const before = first.requests.length
      expect((await add({ name: 'sample2', url: first.url, referrersFrom: 'nowhere', check: true })).code).toBe(
        'NOT_FOUND',
      )
      await add({ name: 'taken', url: 'https://taken.example.com' })
      expect((await add({ name: 'taken', url: first.url, check: true })).code).toBe('CONFLICT')
      expect(first.requests.length).toBe(before)
    })

    test('the findings are part of the answer', async () => {
      const made = await add({ name: 'seen', url: `${first.url}${prefix}`, check: true })
      expect(made.as(upstreamAnswerSchema).check).toMatchObject({
        apiVersion: 'registry/2.0',
        login: 'anonymous',
        catalog: 'yes',
        referrersApi: 'yes',
        repository: 'nginx',
      })
    })
  })
})
