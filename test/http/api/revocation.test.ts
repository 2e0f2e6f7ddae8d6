// What a long answer, a list and a change of members may tell, and to whom.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { tagListSchema } from '../../../src/api/tags.ts'
import { openDatabase } from '../../../src/db/engine/engine.ts'
import { newId } from '../../../src/lib/ids.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  type WholeServer,
} from '../../support/whole-server.ts'

describeOnEachDatabase('who may still see what', (startServer) => {
  let kagami: WholeServer
  let owner: Login
  beforeAll(async () => {
    kagami = await startServer({ withSample: true })
    owner = await kagami.addUser('olga', { beta: 'owner' })
    await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
  })
  afterAll(() => kagami.stop())

  const must = async (method: string, path: string, body?: unknown, login: Login | string = OWNER) => {
    const answer = await kagami.call(method, path, { login, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.text === '' ? undefined : JSON.parse(answer.text)
  }

  describe('a progress stream', () => {
    /** Its first line has come; `end` tells how it ended. */
    async function follow(login: Login | string): Promise<{ readonly end: Promise<string> }> {
      const response = await fetch(`${kagami.url}/api/v1/mirrors/acme/dhi-python/progress`, {
        headers: { authorization: authorization(login) },
      })
      expect(response.status).toBe(200)
      const reader = response.body?.getReader()
      expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('dhi-python')
      const drain = async () => {
        for (;;) if ((await reader?.read())?.done !== false) return 'ended'
      }
      return { end: drain().catch(() => 'broken off') }
    }

    test('breaks off when its token is revoked, or its reader removed', async () => {
      const [byToken, removed] = [
        await kagami.addUser('tess', { acme: 'member' }),
        await kagami.addUser('remo', { acme: 'member' }),
      ]
      const { id, token } = await must('POST', '/tokens', { label: 'watch' }, byToken)
      const streams = [await follow(token), await follow(removed)]
      await must('DELETE', `/tokens/${id}`, undefined, byToken)
      await must('DELETE', '/organizations/acme/members/remo')
      for (const { end } of streams) expect(await end).toBe('broken off')
    })
  })

  describe('members', () => {
    test('an owner cannot tell which accounts exist outside of their organizations', async () => {
      await kagami.addUser('hidden', { gamma: 'member' })
      const path = (user: string) => `/organizations/beta/members/${user}`
      for (const [method, body] of [
        ['PUT', { role: 'member' }],
        ['PUT', { role: 'owner' }],
        ['DELETE', undefined],
      ] as const) {
        const answers = []
        for (const user of ['hidden', 'nobody-has-it']) {
          const { status, text } = await kagami.call(method, path(user), { login: owner, body })
          answers.push([status, text.replaceAll(user, 'NAME')])
        }
        expect(answers[0]?.[0]).toBe(404)
        expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
      }
    })

    test('an owner adds people of their other organizations by name, and anybody by the id that they tell', async () => {
      const ivan = await kagami.addUser('ivan', { gamma: 'member' })
      await kagami.addUser('olga2', { delta: 'owner', gamma: 'member' })
      const boss = { username: 'olga2', password: 'password of olga2' }
      await must('PUT', '/organizations/delta/members/ivan', { role: 'editor' }, boss)
      const { user } = await must('GET', '/user', undefined, await kagami.addUser('zoe'))
      const { member } = await must('PUT', `/organizations/delta/members/${user.id}`, { role: 'member' }, boss)
      expect(member).toMatchObject({ username: 'zoe', role: 'member' })
      expect((await kagami.call('GET', '/organizations/delta', { login: ivan })).status).toBe(200)
      await must('DELETE', '/organizations/delta/members/zoe', undefined, boss)
    })
  })

  describe('cursors', () => {
    const rubbish = ['rubbish', newId(), '~', 'a~', '~b', "x'~y", 'a~b~c', '%00']

    test('a page goes on though the row that it ended with is gone', async () => {
      for (const name of ['up-a', 'up-b', 'up-c']) {
        await must(
          'POST',
          '/upstreams',
          { name, organization: 'beta', url: 'https://registry.example.com', check: false },
          owner,
        )
      }
      const query = '/upstreams?organization=beta'
      const first = await must('GET', `${query}&limit=2`, undefined, owner)
      const last = first.upstreams.at(-1).name
      const rest = () => must('GET', `${query}&after=${first.next}`, undefined, owner)
      const before = await rest()
      await must('DELETE', `/upstreams/${last}?organization=beta`, undefined, owner).catch(() => {})
      expect(await rest()).toEqual(before)
      expect(before.upstreams.map(({ name }: { name: string }) => name)).not.toContain(first.upstreams[0].name)
      for (const after of rubbish) {
        const answer = await kagami.call('GET', `${query}&after=${after}`, { login: owner })
        expect([after, answer.status, answer.code]).toEqual([after, 400, 'INVALID_REQUEST'])
      }
    })

    test('runs go on behind one that was pruned, and never begin anew', async () => {
      for (let times = 0; times < 3; times++) {
        const { run } = await must('POST', '/mirrors/acme/dhi-python/sync', {})
        await kagami.server.mirrors.wait(run.id)
      }
      const path = '/mirrors/acme/dhi-python/runs'
      const all = (await must('GET', path)).runs.map(({ id }: { id: string }) => id)
      const first = await must('GET', `${path}?limit=2`)
      // Beside the running server; on PostgreSQL the rows stay, and the same pages follow.
      const location = `${kagami.directory}/kagami.sqlite`
      if (await Bun.file(location).exists()) {
        const db = await openDatabase(location)
        await db.write((tx) => tx.deleteFrom('sync_runs').where('id', '=', all[1]).execute())
        await db.close()
      }
      const rest = await must('GET', `${path}?after=${first.next}`)
      expect(rest.runs.map(({ id }: { id: string }) => id)).toEqual(all.slice(2))
      for (const after of [all[0], ...rubbish]) {
        const answer = await kagami.call('GET', `${path}?after=${after}`, { login: OWNER })
        expect([after, answer.status, answer.code]).toEqual([after, 400, 'INVALID_REQUEST'])
      }
    })

    test('numbers of any length are refused by name, and control characters too, in every list', async () => {
      for (const path of [
        '/organizations',
        '/repositories',
        '/mirrors',
        '/upstreams',
        '/tokens',
        '/repositories/acme/dhi-python/tags',
      ]) {
        for (const limit of ['99999999999999999999', '9007199254740993', '0', '-1', '1e400', 'NaN']) {
          const answer = await kagami.call('GET', `${path}?limit=${limit}`, { login: OWNER })
          expect([path, limit, answer.status]).toEqual([path, limit, 400])
          expect(answer.message).toContain('limit')
        }
        expect((await kagami.call('GET', `${path}?after=%00`, { login: OWNER })).code).toBe('INVALID_REQUEST')
      }
      for (const path of ['/tokens/%00', '/mirrors/acme/dhi-python/runs/%00']) {
        const answer = await kagami.call(path.startsWith('/tokens') ? 'DELETE' : 'GET', path, { login: OWNER })
        expect([path, answer.status]).toEqual([path, 400])
      }
      const last = await fetch(`${kagami.url}/v2/acme/dhi-python/tags/list?last=%00`, {
        headers: { authorization: authorization(OWNER) },
      })
      expect(last.status).toBe(400)
    })
  })

  describe('JSON', () => {
    test('a body that nests deep is refused by name, whatever its route', async () => {
      const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
      for (const [method, path, body] of [
        ['POST', '/tokens', `{"label":${deep}}`],
        ['POST', '/mirrors', deep],
        ['PATCH', '/repositories/acme/dhi-python', `{"x":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`],
        ['POST', '/users', '['.repeat(60_000)],
      ] as const) {
        const answer = await kagami.call(method, path, { login: OWNER, body })
        expect([path, answer.status, answer.code]).toEqual([path, 400, 'INVALID_REQUEST'])
        expect(answer.message).toBe('the body nests deeper than 64 levels')
      }
    })

    test('a manifest whose platform nests 100,000 deep is refused, not a bug', async () => {
      const mediaType = 'application/vnd.oci.image.index.v1+json'
      const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
      const entry = `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:${'0'.repeat(64)}","size":1,"platform":{"os":"linux","architecture":${deep}}}`
      const answer = await fetch(`${kagami.url}/v2/acme/deep/manifests/v1`, {
        method: 'PUT',
        headers: { authorization: authorization(OWNER), 'content-type': mediaType },
        body: `{"schemaVersion":2,"mediaType":"${mediaType}","manifests":[${entry}]}`,
      })
      expect([answer.status, await answer.text()]).toEqual([
        400,
        expect.stringContaining('nests deeper than 64 levels'),
      ])
    })

    test('claimed sizes that add up to more than 2^53 leave the list of tags readable', async () => {
      await must('POST', '/repositories', { name: 'acme/huge', allowSparse: true })
      const url = `${kagami.url}/v2/acme/huge`
      const headers = { authorization: authorization(OWNER) }
      const config = '{"architecture":"amd64","os":"linux"}'
      const digest = `sha256:${new Bun.CryptoHasher('sha256').update(config).digest('hex')}`
      await fetch(`${url}/blobs/uploads/?digest=${digest}`, { method: 'POST', headers, body: config })
      const foreign = (n: number) => ({
        mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
        digest: `sha256:${String(n).padStart(64, '0')}`,
        size: Number.MAX_SAFE_INTEGER,
        urls: ['https://a.example/layer'],
      })
      const mediaType = 'application/vnd.oci.image.manifest.v1+json'
      const pushed = await fetch(`${url}/manifests/v1`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': mediaType },
        body: JSON.stringify({
          schemaVersion: 2,
          mediaType,
          config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.length },
          layers: [foreign(1), foreign(2), foreign(3)],
        }),
      })
      expect([pushed.status, await pushed.text()]).toEqual([201, ''])
      const { tags } = (await kagami.call('GET', '/repositories/acme/huge/tags', { login: OWNER })).as(tagListSchema)
      expect(tags.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([['v1', Number.MAX_SAFE_INTEGER]])
    })
  })

  test('the OpenAPI document is made once, and asked for by its ETag', async () => {
    const first = await kagami.call('GET', '/openapi.json')
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    const again = await kagami.call('GET', '/openapi.json', { headers: { 'if-none-match': `W/"x", ${etag}` } })
    expect([again.status, again.text]).toEqual([304, ''])
    const other = await kagami.call('GET', '/openapi.json', { headers: { 'if-none-match': '"other"' } })
    expect([other.status, other.text]).toEqual([200, first.text])
  })
})
