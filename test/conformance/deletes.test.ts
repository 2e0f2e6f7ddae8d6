// Distribution 1.1 "Content Management" (end-9, end-10), and what may not be deleted.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  contentOf,
  describeContent,
  freshContent,
  OCI_INDEX,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  pushImage,
} from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OciRequests
beforeAll(async () => {
  server = await startServer()
  client = ociRequests(server.url, 'acme/deletes', OWNER)
})
afterAll(() => server.stop())

const status = async (method: string, path: string) => (await client.send(method, path)).status

describe('Deleting tags (end-9)', () => {
  test('DELETE of a tag removes it alone; its manifest and other tags stay', async () => {
    const { manifest } = await pushImage(client, { tag: 'one' })
    await client.send('PUT', 'manifests/two', { headers: { 'content-type': OCI_MANIFEST }, body: manifest.bytes })
    expect(await status('DELETE', 'manifests/one')).toBe(202)
    expect(await status('HEAD', 'manifests/one')).toBe(404)
    expect(await status('HEAD', 'manifests/two')).toBe(200)
    expect(await status('HEAD', `manifests/${manifest.digest}`)).toBe(200)
    const again = await client.send('DELETE', 'manifests/one')
    expect([again.status, again.code]).toEqual([404, 'MANIFEST_UNKNOWN'])
  })

  test('the history and the log keep who removed which tag from where', async () => {
    const { manifest } = await pushImage(client, { tag: 'logged' })
    await client.send('DELETE', 'manifests/logged')
    const history = await server.db.read.selectFrom('tag_history').selectAll().where('tag', '=', 'logged').execute()
    expect(history.map((row) => [row.from_digest, row.to_digest, row.actor])).toEqual([
      [null, manifest.digest, 'user:owner'],
      [manifest.digest, null, 'user:owner'],
    ])
    const kinds = await server.db.read
      .selectFrom('events')
      .select(['kind', 'payload'])
      .where('payload', 'like', '%"logged"%')
      .orderBy('seq')
      .execute()
    expect(kinds.map((row) => row.kind)).toEqual(['tag.moved', 'tag.removed'])
  })
})

describe('Deleting manifests (end-9)', () => {
  for (const algorithm of ['sha256', 'sha512'] as const) {
    test(`DELETE of a ${algorithm} digest removes it with every tag on it, at once`, async () => {
      const { manifest } = await pushImage(client, { algorithm })
      const put = `manifests/${manifest.digest}?tag=a&tag=b`
      await client.send('PUT', put, { headers: { 'content-type': OCI_MANIFEST }, body: manifest.bytes })
      expect(await status('DELETE', `manifests/${manifest.digest}`)).toBe(202)
      for (const reference of [manifest.digest, 'a', 'b']) {
        expect(await status('GET', `manifests/${reference}`)).toBe(404)
        expect(await status('HEAD', `manifests/${reference}`)).toBe(404)
      }
      const again = await client.send('DELETE', `manifests/${manifest.digest}`)
      expect([again.status, again.code]).toEqual([404, 'MANIFEST_UNKNOWN'])
    })
  }

  test('a manifest that an index lists is 405 UNSUPPORTED naming the index, until that is gone', async () => {
    const { manifest, descriptor } = await pushImage(client, { tag: 'child' })
    const index = await client.pushManifest(
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor] },
      OCI_INDEX,
    )
    const refused = await client.send('DELETE', `manifests/${manifest.digest}`)
    expect([refused.status, refused.code]).toEqual([405, 'UNSUPPORTED'])
    expect(refused.text).toContain(index.digest)
    expect(await status('HEAD', 'manifests/child')).toBe(200)
    expect(await status('DELETE', `manifests/${index.digest}`)).toBe(202)
    expect(await status('DELETE', `manifests/${manifest.digest}`)).toBe(202)
  })

  test('deleting a subject leaves its referrers', async () => {
    const { descriptor: subject } = await pushImage(client)
    const referrer = await pushImage(client, { extra: { subject } })
    expect(await status('DELETE', `manifests/${subject.digest}`)).toBe(202)
    expect(await status('HEAD', `manifests/${referrer.manifest.digest}`)).toBe(200)
    expect((await client.send('GET', `referrers/${subject.digest}`)).text).toContain(referrer.manifest.digest)
  })

  test('what one repository deletes stays in another', async () => {
    const { manifest, layers, config } = await pushImage(client)
    const other = client.in('acme/deletes-not')
    for (const blob of [...layers, config]) {
      const mounted = await other.send('POST', `blobs/uploads/?mount=${blob.digest}&from=acme/deletes`)
      expect(mounted.status).toBe(201)
    }
    const put = { headers: { 'content-type': OCI_MANIFEST }, body: manifest.bytes }
    expect((await other.send('PUT', `manifests/${manifest.digest}`, put)).status).toBe(201)
    expect(await status('DELETE', `manifests/${manifest.digest}`)).toBe(202)
    for (const blob of [...layers, config]) {
      expect(await status('DELETE', `blobs/${blob.digest}`)).toBe(202)
      expect(await status('HEAD', `blobs/${blob.digest}`)).toBe(404)
      expect((await other.send('GET', `blobs/${blob.digest}`)).bytes).toEqual(blob.bytes)
    }
    expect((await other.send('GET', `manifests/${manifest.digest}`)).status).toBe(200)
  })

  test('RC’s way over a tag (push a dummy over it, delete that by digest) works too', async () => {
    await pushImage(client, { tag: 'rc' })
    const empty = await client.pushBlob(contentOf('{}'))
    const dummy = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: 'application/vnd.example.dummy',
      config: describeContent(empty, 'application/vnd.oci.empty.v1+json'),
      layers: [],
    }
    const { digest } = await client.pushManifest(dummy, OCI_MANIFEST, 'rc')
    expect(await status('DELETE', `manifests/${digest}`)).toBe(202)
    expect(await status('HEAD', 'manifests/rc')).toBe(404)
  })
})

describe('Deleting blobs (end-10)', () => {
  test('a blob of a manifest is 405 UNSUPPORTED naming it, until that is gone', async () => {
    const { manifest, layers, config } = await pushImage(client)
    for (const blob of [...layers, config]) {
      const refused = await client.send('DELETE', `blobs/${blob.digest}`)
      expect([refused.status, refused.code]).toEqual([405, 'UNSUPPORTED'])
      expect(refused.text).toContain(manifest.digest)
    }
    expect(await status('DELETE', `manifests/${manifest.digest}`)).toBe(202)
    for (const blob of [...layers, config]) expect(await status('DELETE', `blobs/${blob.digest}`)).toBe(202)
  })

  test('an absent blob, and one of another repository, is 404 BLOB_UNKNOWN', async () => {
    const elsewhere = await client.in('acme/other').pushBlob(freshContent(10))
    for (const digest of [freshContent(10).digest, elsewhere.digest]) {
      const answer = await client.send('DELETE', `blobs/${digest}`)
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UNKNOWN'])
    }
  })
})
