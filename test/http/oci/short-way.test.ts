// Pulls that are answered by one statement (record 54): they differ in nothing from those that go the whole way, and refuse as these do.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmod, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { issueOrganizationToken } from '../../../src/access/organization-tokens.ts'
import { takeShortWay } from '../../../src/http/oci/short-way.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { type Content, freshContent, type OciRequests, ociRequests, pushImage } from '../../support/oci-requests.ts'
import { havePostgres, postgres } from '../../support/postgres.ts'
import { temporaryDirectory } from '../../support/process.ts'
import { OWNER, startServer, type TestServer } from '../../support/server.ts'

type Who = Parameters<typeof ociRequests>[2]

function suite(database: () => Promise<string | undefined>) {
  const directory = temporaryDirectory('short-way')
  const clock = { ahead: 0, now: () => new Date(systemClock.now().getTime() + clock.ahead) }
  let server: TestServer
  let owner: OciRequests
  let image: Awaited<ReturnType<typeof pushImage>>
  let small: Content
  let large: Content
  beforeAll(async () => {
    const url = await database()
    server = await startServer({ directory: directory.path, clock, ...(url === undefined ? {} : { database: url }) })
    owner = ociRequests(server.url, 'acme/private', OWNER)
    image = await pushImage(owner, { tag: 'v1' })
    small = await owner.pushBlob(freshContent(10_000))
    large = await owner.pushBlob(freshContent(100_000))
  })
  afterAll(async () => {
    await server.stop()
    directory.remove()
  })

  /** Signed, and seen by the server once. */
  async function warm(who: Who, repository = 'acme/private', actions = 'pull'): Promise<string> {
    const query = `service=kagami&scope=${encodeURIComponent(`repository:${repository}:${actions}`)}`
    const answer = await ociRequests(server.url, 'x/y', who).send('GET', `/token?${query}`)
    const { token } = JSON.parse(answer.text) as { token: string }
    expect((await ociRequests(server.url, 'x/y', { bearer: token }).send('GET', '/v2/')).status).toBe(200)
    return token
  }
  /** What the short way alone says; undefined: it leaves it to the whole way. */
  async function short(path: string, token: string | null, o: { method?: string; headers?: object } = {}) {
    const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...o.headers }
    const request = new Request(`http://h/v2/${path}`, { method: o.method ?? 'GET', headers })
    const deps = { ...server, clock, recall: server.access.authenticator.recall }
    return await takeShortWay(deps, request, undefined)
  }
  const paths = () => {
    const blobs = [small, large, image.config].map(({ digest }) => `blobs/${digest}`)
    return ['manifests/v1', `manifests/${image.manifest.digest}`, ...blobs]
  }
  const objectOf = async ({ digest }: Content) => {
    const blob = server.db.read.selectFrom('blobs').select('storage_key').where('digest', '=', digest)
    const { storage_key: key } = await blob.executeTakeFirstOrThrow()
    return join(directory.path, 'blobs/objects', digest.slice('sha256:'.length, 'sha256:'.length + 2), key)
  }

  test('says what the whole way says: status, headers, bytes', async () => {
    const token = await warm(OWNER)
    const byToken = ociRequests(server.url, 'acme/private', { bearer: token })
    for (const path of paths()) {
      for (const method of ['GET', 'HEAD']) {
        expect((await short(`acme/private/${path}`, token, { method }))?.status).toBe(200)
        const [quick, whole] = [await byToken.send(method, path), await owner.send(method, path)]
        const plain = (headers: Headers) => Object.fromEntries([...headers].filter(([name]) => name !== 'date'))
        expect([quick.status, plain(quick.headers)]).toEqual([whole.status, plain(whole.headers)])
        expect(Buffer.compare(quick.bytes, whole.bytes)).toBe(0)
      }
    }
  })

  test('takes what is plain alone', async () => {
    const token = await warm(OWNER)
    const digest = image.manifest.digest
    const blob = `acme/private/blobs/${small.digest}`
    const manifest = 'acme/private/manifests/v1'
    const maker = await server.addUser('maker', { manifests: 'owner' })
    await pushImage(ociRequests(server.url, 'manifests/x', maker), { tag: 'xy' })
    await server.setRepository('manifests/x', { visibility: 'public' })
    expect((await short('manifests/x/manifests/xy', null))?.status).toBe(200)
    expect(await short('manifests/xy', null)).toBeUndefined()
    const left: [string, object?][] = [
      [`${manifest}?ns=x`],
      ['acme/private/manifests/v%31'],
      ['acme/private//manifests/v1'],
      ['manifests/xy'],
      ['/manifests/v1'],
      ['acme/private/manifests/'],
      ['acme/private/manifests/v2'],
      ['acme/private/tags/list'],
      [`acme/private/blobs/${digest}`],
      [`acme/private/manifests/${small.digest}`],
      [`acme/other/manifests/${digest}`],
      [manifest, { method: 'PUT' }],
      [manifest, { method: 'DELETE' }],
      [manifest, { headers: { 'if-none-match': `"${digest}"` } }],
      [blob, { headers: { range: 'bytes=1-2' } }],
      [manifest, { headers: { authorization: 'Basic b3duZXI6eA==' } }],
      [manifest, { headers: { authorization: `bearer ${token}x` } }],
      [manifest, { headers: { authorization: `Bearer ${token}, Bearer ${token}` } }],
    ]
    for (const [path, o] of left) expect([path, o, await short(path, token, o)]).toEqual([path, o, undefined])
    expect((await short(manifest, token))?.status).toBe(200)
    expect((await short(blob, token))?.status).toBe(200)
    expect(await short(manifest, null)).toBeUndefined()
  })

  test('refuses at the very next request: token, scope, member, team of one, user, tag, link, organization', async () => {
    const path = 'acme/private/manifests/v1'
    const other = await warm(OWNER, 'acme/other')
    expect(await short(path, other)).toBeUndefined()
    expect(await short(path, await warm(null))).toBeUndefined()
    expect(await short(path, await warm(await server.addUser('stranger')))).toBeUndefined()
    const person = await server.addUser('leaver', { acme: 'member' })
    const [pat, expiring] = [await server.addToken('leaver', 'read'), await server.addToken('leaver', 'read')]
    const [byPat, byExpiring, byPassword] = [await warm(pat), await warm(expiring), await warm(person)]
    const all = async () =>
      Promise.all([byPat, byExpiring, byPassword].map(async (one) => (await short(path, one))?.status))
    const user = (change: object) =>
      server.db.write((tx) => tx.updateTable('users').set(change).where('username', '=', 'leaver').execute())
    const membersPull = (to: 'all' | 'none') =>
      server.db.write((tx) =>
        tx.updateTable('organizations').set({ members_pull: to }).where('name', '=', 'acme').execute(),
      )
    expect(await all()).toEqual([200, 200, 200])
    await server.db.write((tx) => tx.deleteFrom('tokens').where('id', '=', pat.id).execute())
    const past = { expires_at: '2020-01-01T00:00:00.000Z' }
    await server.db.write((tx) => tx.updateTable('tokens').set(past).where('id', '=', expiring.id).execute())
    expect(await all()).toEqual([undefined, undefined, 200])
    await user({ disabled_at: '2026-01-01T00:00:00.000Z' })
    expect(await all()).toEqual([undefined, undefined, undefined])
    await user({ disabled_at: null })
    await membersPull('none')
    expect(await all()).toEqual([undefined, undefined, undefined])
    await membersPull('all')
    expect(await all()).toEqual([undefined, undefined, 200])
    clock.ahead = 301_000
    expect(await all()).toEqual([undefined, undefined, undefined])
    clock.ahead = 0
    const id = server.db.read.selectFrom('users').select('id').where('username', '=', 'leaver')
    const { id: userId } = await id.executeTakeFirstOrThrow()
    await server.db.write((tx) => tx.deleteFrom('members').where('user_id', '=', userId).execute())
    expect(await all()).toEqual([undefined, undefined, undefined])
  })

  test('an organization token: its rights and its end count at each request', async () => {
    const path = 'acme/private/manifests/v1'
    const { id: organizationId } = server.organization
    const most = {
      label: 'ci',
      allow: ['pull'],
      repositories: ['private'],
      expiresAt: null,
      createdBy: 'user:owner',
    } as const
    const made = await server.db.write((tx) => issueOrganizationToken(tx, { ...most, organizationId }, clock))
    const token = await warm({ username: 'acme', password: made.text.reveal() })
    const change = (to: object) =>
      server.db.write((tx) => tx.updateTable('organization_tokens').set(to).where('label', '=', 'ci').execute())
    const is = async () => (await short(path, token))?.status
    expect(await is()).toBe(200)
    const changes = [
      [{ is_active: 0 }, { is_active: 1 }],
      [{ repositories: '["other"]' }, { repositories: '["priv*"]' }],
      [{ allow: '["push"]' }, { allow: '["pull"]' }],
      [{ expires_at: '2020-01-01T00:00:00.000Z' }, { expires_at: null }],
    ] as const
    for (const [to, back] of changes) {
      await change(to)
      expect([to, await is()]).toEqual([to, undefined])
      await change(back)
      expect([back, await is()]).toEqual([back, 200])
    }
  })

  test('what is public is for anybody, until it is not; what is unlinked, moved or staged is not there', async () => {
    const there = owner.in('acme/open')
    const { manifest } = await pushImage(there, { tag: 'v1' })
    const blob = await there.pushBlob(freshContent(5000))
    const seen = async () =>
      Promise.all(
        ['manifests/v1', `manifests/${manifest.digest}`, `blobs/${blob.digest}`].map(
          async (path) => (await short(`acme/open/${path}`, null))?.status,
        ),
      )
    await server.setRepository('acme/open', { visibility: 'public' })
    expect(await seen()).toEqual([200, 200, 200])
    await server.setRepository('acme/open', { visibility: 'private' })
    expect(await seen()).toEqual([undefined, undefined, undefined])
    await server.setRepository('acme/open', { visibility: 'public' })
    const { id } = await server.getRepository('acme/open')
    const publish = (at: string | null) =>
      server.db.write(async (tx) => {
        await tx.updateTable('repository_blobs').set({ published_at: at }).where('repository_id', '=', id).execute()
        await tx.updateTable('repository_manifests').set({ published_at: at }).where('repository_id', '=', id).execute()
      })
    await publish(null)
    expect(await seen()).toEqual([undefined, undefined, undefined])
    await publish('2026-01-01T00:00:00.000Z')
    expect(await seen()).toEqual([200, 200, 200])
    expect((await there.send('DELETE', `blobs/${blob.digest}`)).status).toBe(202)
    expect((await there.send('DELETE', 'manifests/v1')).status).toBe(202)
    expect(await seen()).toEqual([undefined, 200, undefined])
    expect((await there.send('DELETE', `manifests/${manifest.digest}`)).status).toBe(202)
    expect(await seen()).toEqual([undefined, undefined, undefined])
  })

  test('a file that is cut short or gone is left to the whole way, small or large', async () => {
    const token = await warm(OWNER)
    for (const size of [3000, 90_000]) {
      const content = await owner.pushBlob(freshContent(size))
      const [path, file] = [`acme/private/blobs/${content.digest}`, await objectOf(content)]
      expect((await short(path, token))?.status).toBe(200)
      await chmod(file, 0o600)
      await truncate(file, size - 1)
      expect(await short(path, token)).toBeUndefined()
      await rm(file)
      expect(await short(path, token)).toBeUndefined()
      expect((await short(path, token, { method: 'HEAD' }))?.status).toBe(200)
      const byToken = ociRequests(server.url, 'acme/private', { bearer: token })
      expect((await byToken.send('GET', `blobs/${content.digest}`)).code).toBe('BLOB_UNKNOWN')
    }
  })

  test('what is pulled is counted, of manifests and of blobs', async () => {
    const there = owner.in('acme/counted')
    const { manifest } = await pushImage(there, { tag: 'v1' })
    const token = await warm(OWNER, 'acme/counted')
    await short('acme/counted/manifests/v1', token)
    await short('acme/counted/manifests/v1', token, { method: 'HEAD' })
    const blob = await there.pushBlob(freshContent(5000))
    await short(`acme/counted/blobs/${blob.digest}`, token)
    await server.pulls.flush()
    const { id } = await server.getRepository('acme/counted')
    const periods = server.db.read.selectFrom('repository_periods').selectAll().where('repository_id', '=', id)
    const [period] = await periods.execute()
    expect(period).toMatchObject({ pulls: 1, checks: 1, bytes: manifest.bytes.byteLength + 5000 })
  })
}

describe('The short way (SQLite)', () => suite(async () => undefined))
describe.skipIf(!havePostgres)('The short way (PostgreSQL)', () =>
  suite(async () => (await postgres()).freshDatabase()),
)
