// The checklist's section 2.1: challenges, refusals, and what may be told apart (invariant 7).
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  type Answer,
  freshContent,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  pushImage,
} from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let owner: OciRequests
let anonymous: OciRequests
let digest: string
beforeAll(async () => {
  server = await startServer()
  owner = ociRequests(server.url, 'acme/private', OWNER)
  anonymous = ociRequests(server.url, 'acme/private', null)
  digest = (await pushImage(owner, { tag: 'v1' })).manifest.digest
})
afterAll(() => server.stop())

const challengeOf = (answer: Answer) => {
  const header = answer.headers.get('www-authenticate') ?? ''
  expect(header).toMatch(/^Bearer ([a-z]+="[^"]*",)*[a-z]+="[^"]*"$/)
  return Object.fromEntries([...header.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]))
}
async function bearer(scopes: readonly string[], who: { username: string; password: string } | null = OWNER) {
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&')
  const answer = await ociRequests(server.url, 'x/y', who).send('GET', `/token?service=kagami&${query}`)
  expect(answer.status).toBe(200)
  return { bearer: (JSON.parse(answer.text) as { token: string }).token }
}

describe('Challenges', () => {
  test('/v2/ without credentials is 401 with the token service and no scope, with or without the slash', async () => {
    for (const path of ['/v2/', '/v2']) {
      const answer = await anonymous.send('GET', path)
      expect([answer.status, answer.code]).toEqual([401, 'UNAUTHORIZED'])
      expect(challengeOf(answer)).toEqual({ realm: `${server.url}/token`, service: 'kagami' })
      expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
      expect(answer.headers.get('content-type')).toBe('application/json')
    }
    expect((await anonymous.send('HEAD', '/v2/')).status).toBe(401)
  })

  test('/v2/ is 200 {} with a password, a personal access token, and a bearer token of no access at all', async () => {
    const token = await server.addToken('owner', 'read')
    for (const who of [OWNER, token, await bearer([]), await bearer([], null)]) {
      const answer = await ociRequests(server.url, 'x/y', who).send('GET', '/v2/')
      expect([answer.status, answer.text]).toEqual([200, '{}'])
      expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
    }
  })

  test('each request asks for its own scope', async () => {
    const rows: [string, string, string][] = [
      ['GET', 'manifests/v1', 'repository:acme/private:pull'],
      ['HEAD', `blobs/${digest}`, 'repository:acme/private:pull'],
      ['GET', 'tags/list', 'repository:acme/private:pull'],
      ['GET', `referrers/${digest}`, 'repository:acme/private:pull'],
      ['POST', 'blobs/uploads/', 'repository:acme/private:pull,push'],
      ['PATCH', 'blobs/uploads/x', 'repository:acme/private:pull,push'],
      ['PUT', 'manifests/v1', 'repository:acme/private:pull,push'],
      ['GET', 'blobs/uploads/x', 'repository:acme/private:pull,push'],
      ['DELETE', 'blobs/uploads/x', 'repository:acme/private:pull,push'],
      ['DELETE', 'manifests/v1', 'repository:acme/private:delete'],
      ['DELETE', `blobs/${digest}`, 'repository:acme/private:delete'],
    ]
    for (const [method, path, scope] of rows) {
      const answer = await anonymous.send(method, path)
      expect([method, path, answer.status]).toEqual([method, path, 401])
      expect(challengeOf(answer).scope).toBe(scope)
    }
  })

  test('a wrong password, a mistyped token and two Authorization headers are 401, never anonymous', async () => {
    await server.setRepository('acme/private', { visibility: 'public' })
    const wrong = { username: 'owner', password: 'wrong' }
    for (const header of [
      `Basic ${Buffer.from(`${wrong.username}:${wrong.password}`).toString('base64')}`,
      'Basic !!!',
      'Basic',
      'Bearer nonsense',
      'Bearer kgm_pat_mistyped',
      'Digest x',
      'Basic b3duZXI6eA==, Basic b3duZXI6eA==',
    ]) {
      const answer = await anonymous.send('GET', 'manifests/v1', { headers: { authorization: header } })
      expect([header, answer.status, answer.code]).toEqual([header, 401, 'UNAUTHORIZED'])
      const expected = header.startsWith('Bearer ') ? 'invalid_token' : undefined
      expect(challengeOf(answer).error).toBe(expected)
      expect(answer.text).not.toContain('mistyped')
    }
    await server.setRepository('acme/private', { visibility: 'private' })
  })
})

describe('Bearer tokens cap rights', () => {
  test('a token without the scope is 401 insufficient_scope with the scope; with it the request passes', async () => {
    const narrow = ociRequests(server.url, 'acme/private', await bearer(['repository:acme/private:pull']))
    expect((await narrow.send('GET', 'manifests/v1')).status).toBe(200)
    const answer = await narrow.send('POST', 'blobs/uploads/')
    expect(answer.status).toBe(401)
    expect(challengeOf(answer)).toMatchObject({
      error: 'insufficient_scope',
      scope: 'repository:acme/private:pull,push',
    })
    const wide = ociRequests(server.url, 'acme/private', await bearer([challengeOf(answer).scope ?? '']))
    expect((await wide.send('POST', 'blobs/uploads/')).status).toBe(202)
  })

  test('a mount asks for both scopes, in one challenge, and then mounts; one without from is an upload (end-11)', async () => {
    const blob = await ociRequests(server.url, 'acme/source', OWNER).pushBlob(freshContent(10))
    const scope = 'repository:acme/private:pull,push'
    const narrow = ociRequests(server.url, 'acme/private', await bearer([scope]))
    const fromless = `blobs/uploads/?mount=${blob.digest}`
    const session = await narrow.send('POST', fromless)
    expect([session.status, session.headers.get('location') !== null]).toEqual([202, true])
    const answer = await narrow.send('POST', `${fromless}&from=acme/source`)
    expect(challengeOf(answer)).toMatchObject({
      error: 'insufficient_scope',
      scope: `${scope} repository:acme/source:pull`,
    })
    const both = ociRequests(server.url, 'acme/private', await bearer([challengeOf(answer).scope ?? '']))
    for (const path of [`${fromless}&from=acme/source`, fromless]) {
      expect((await both.send('POST', path)).status).toBe(201)
      expect((await owner.send('DELETE', `blobs/${blob.digest}`)).status).toBe(202)
    }
  })

  test('a revoked token, and a removed member, are refused at the very next request, bearer in hand', async () => {
    const person = await server.addUser('leaver', { acme: 'editor' })
    const token = await server.addToken('leaver', 'write')
    const scope = ['repository:acme/private:pull,push']
    const [byToken, byPassword] = [await bearer(scope, token), await bearer(scope, person)].map((who) =>
      ociRequests(server.url, 'acme/private', who),
    )
    if (byToken === undefined || byPassword === undefined) throw new Error('two clients')
    for (const client of [byToken, byPassword]) expect((await client.send('GET', 'manifests/v1')).status).toBe(200)
    await server.db.write((tx) => tx.deleteFrom('tokens').where('id', '=', token.id).execute())
    expect((await byToken.send('GET', 'manifests/v1')).status).toBe(401)
    expect((await byPassword.send('GET', 'manifests/v1')).status).toBe(200)
    await server.db.write((tx) =>
      tx
        .deleteFrom('members')
        .where('user_id', 'in', tx.selectFrom('users').select('id').where('username', '=', 'leaver'))
        .execute(),
    )
    const gone = await byPassword.send('GET', 'manifests/v1')
    expect([gone.status, gone.code]).toEqual([403, 'DENIED'])
  })
})

describe('Roles and token scopes', () => {
  test('members pull, editors push and delete, a token does no more than its scope', async () => {
    const member = await server.addUser('member', { acme: 'member' })
    const editor = await server.addUser('editor', { acme: 'editor' })
    const rows: [{ username: string; password: string }, number, number, number][] = [
      [member, 200, 403, 403],
      [editor, 200, 202, 404],
      [await server.addToken('editor', 'read'), 200, 403, 403],
      [await server.addToken('editor', 'write'), 200, 202, 403],
      [await server.addToken('editor', 'delete'), 200, 202, 404],
    ]
    for (const [who, pull, push, remove] of rows) {
      const client = ociRequests(server.url, 'acme/private', who)
      expect((await client.send('GET', 'manifests/v1')).status).toBe(pull)
      expect((await client.send('POST', 'blobs/uploads/')).status).toBe(push)
      expect((await client.send('DELETE', 'manifests/no-such-tag')).status).toBe(remove)
    }
  })

  test('who may push makes the repository, in an existing organization only', async () => {
    const member = ociRequests(server.url, 'acme/by-member', await server.addUser('member2', { acme: 'member' }))
    expect((await member.send('POST', 'blobs/uploads/')).status).toBe(403)
    expect((await owner.in('nobody/app').send('POST', 'blobs/uploads/')).status).toBe(403)
    expect((await owner.in('acme').send('POST', 'blobs/uploads/')).status).toBe(403)
    expect((await owner.in('acme/deep/er/app').send('POST', 'blobs/uploads/')).status).toBe(202)
  })

  test('a public repository is pulled by anybody, without credentials or with an anonymous token, and pushed by nobody', async () => {
    await pushImage(owner.in('acme/public'), { tag: 'v1' })
    await server.setRepository('acme/public', { visibility: 'public' })
    const stranger = await server.addUser('passer-by')
    for (const who of [null, stranger, await bearer(['repository:acme/public:pull'], null)]) {
      const client = ociRequests(server.url, 'acme/public', who)
      expect((await client.send('GET', 'manifests/v1')).status).toBe(200)
      expect((await client.send('GET', 'tags/list')).status).toBe(200)
      expect([401, 403]).toContain((await client.send('POST', 'blobs/uploads/')).status)
    }
    const emptyBasic = { headers: { authorization: 'Basic Og==' } }
    expect((await anonymous.in('acme/public').send('GET', 'manifests/v1', emptyBasic)).status).toBe(200)
  })
})

describe('Across organizations nothing can be told apart from absent (invariant 7)', () => {
  const shape = (answer: Answer) => [
    answer.status,
    answer.code,
    answer.headers.get('www-authenticate')?.replace(/acme\/[a-z-]+/g, 'NAME') ?? null,
    answer.text.replace(/acme\/[a-z-]+/g, 'NAME'),
  ]

  test('strangers and anonymous callers get the same answers for what is there and for what is not', async () => {
    const stranger = await server.addUser('stranger', { other: 'owner' })
    const token = await bearer(['repository:acme/private:pull', 'repository:acme/absent:pull'], stranger)
    for (const who of [null, stranger, token, await bearer(['repository:acme/private:pull'], null)]) {
      const paths: [string, string][] = [
        ['GET', 'manifests/v1'],
        ['GET', `manifests/${digest}`],
        ['HEAD', 'manifests/v1'],
        ['GET', `blobs/${digest}`],
        ['GET', 'tags/list'],
        ['GET', `referrers/${digest}`],
        ['POST', 'blobs/uploads/'],
        ['PUT', 'manifests/v1'],
        ['DELETE', 'manifests/v1'],
        ['DELETE', `blobs/${digest}`],
        ['PATCH', 'blobs/uploads/x'],
      ]
      for (const [method, path] of paths) {
        const there = await ociRequests(server.url, 'acme/private', who).send(method, path)
        const absent = await ociRequests(server.url, 'acme/absent', who).send(method, path)
        expect(shape(there)).toEqual(shape(absent))
        expect([401, 403]).toContain(there.status)
      }
    }
  })

  test('a digest of another organization is neither mounted, nor served, nor accepted in a manifest', async () => {
    const thief = ociRequests(server.url, 'thieves/loot', await server.addUser('thief', { thieves: 'owner' }))
    const secret = await pushImage(owner.in('acme/secret'), { tag: 'v1' })
    const [layer] = secret.layers
    if (layer === undefined) throw new Error('the image has a layer')
    for (const query of [
      `mount=${layer.digest}`,
      `mount=${layer.digest}&from=acme/secret`,
      `mount=${layer.digest}&from=acme/absent`,
      `mount=${freshContent(3).digest}&from=acme/secret`,
    ]) {
      const answer = await thief.send('POST', `blobs/uploads/?${query}`)
      expect([query, answer.status]).toEqual([query, 202])
    }
    expect((await thief.send('GET', `blobs/${layer.digest}`)).status).toBe(404)
    const put = { headers: { 'content-type': OCI_MANIFEST }, body: secret.manifest.bytes }
    const manifest = await thief.send('PUT', 'manifests/v1', put)
    expect([manifest.status, manifest.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    // A teammate's other repository: a manifest needs its blobs in this one.
    expect((await owner.in('acme/loot').send('PUT', 'manifests/v1', put)).code).toBe('MANIFEST_BLOB_UNKNOWN')
  })
})
