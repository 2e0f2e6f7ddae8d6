// Distribution 1.1 "Pulling manifests", "Pushing Manifests": the specification's own data sets, in both algorithms.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { streamOf } from '../support/blob-checks.ts'
import {
  type Algorithm,
  type Content,
  contentOf,
  type Descriptor,
  describeContent,
  freshContent,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
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
  client = ociRequests(server.url, 'acme/repo1', OWNER)
})
afterAll(() => server.stop())

const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'
const index = (manifests: readonly Descriptor[], extra = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests,
  ...extra,
})

/** Puts a manifest by digest and by tag, and holds every way of reading it against what was sent. */
async function expectStored(manifest: unknown, mediaType: string, algorithm: Algorithm = 'sha256'): Promise<Content> {
  const content = contentOf(JSON.stringify(manifest), algorithm)
  const headers = { 'content-type': mediaType }
  const tag = `t-${content.digest.slice(7, 27)}`
  const byTag = algorithm === 'sha256' ? `manifests/${tag}` : `manifests/${content.digest}?tag=${tag}`
  for (const path of [`manifests/${content.digest}`, byTag]) {
    const put = await client.send('PUT', path, { headers, body: content.bytes })
    expect([path, put.status, put.text]).toEqual([path, 201, ''])
    expect(put.headers.get('docker-content-digest')).toBe(content.digest)
    expect(put.headers.get('location')).toBe(`/v2/acme/repo1/manifests/${content.digest}`)
    const subject = (manifest as { subject?: Descriptor }).subject
    expect(put.headers.get('oci-subject')).toBe(subject?.digest ?? null)
  }
  for (const reference of [content.digest, tag]) {
    for (const method of ['HEAD', 'GET']) {
      const got = await client.send(method, `manifests/${reference}`, { headers: { accept: 'application/json' } })
      expect(got.status).toBe(200)
      expect(got.headers.get('content-type')).toBe(mediaType)
      expect(got.headers.get('content-length')).toBe(String(content.bytes.byteLength))
      expect(got.headers.get('docker-content-digest')).toBe(content.digest)
      expect(got.headers.get('etag')).toBe(`"${content.digest}"`)
      expect(got.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
      expect(Buffer.compare(got.bytes, method === 'HEAD' ? new Uint8Array(0) : content.bytes)).toBe(0)
    }
  }
  const tags = await client.send('GET', 'tags/list')
  expect(JSON.parse(new TextDecoder().decode(tags.bytes)).tags).toContain(tag)
  return content
}

describe('Every data set of the specification is stored and served byte for byte', () => {
  const image = async (o: { algorithm?: Algorithm; extra?: Record<string, unknown> } = {}) => {
    const { algorithm = 'sha256' } = o
    const config = await client.pushBlob(freshContent(200, algorithm))
    const layer = await client.pushBlob(freshContent(500, algorithm))
    return {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: describeContent(config, OCI_CONFIG),
      layers: [describeContent(layer, OCI_LAYER)],
      ...o.extra,
    }
  }

  test('image, with and without mediaType, by sha256 and sha512', async () => {
    await expectStored(await image(), OCI_MANIFEST)
    await expectStored(await image({ extra: { mediaType: undefined } }), OCI_MANIFEST)
    await expectStored(await image({ algorithm: 'sha512' }), OCI_MANIFEST, 'sha512')
  })

  test('large manifest: 390 annotations of 10,000 bytes', async () => {
    const annotations = Object.fromEntries(Array.from({ length: 390 }, (_, i) => [`a${i}`, 'x'.repeat(10_000)]))
    const stored = await expectStored(await image({ extra: { annotations } }), OCI_MANIFEST)
    expect(stored.bytes.byteLength).toBeGreaterThan(3_900_000)
  })

  test('index, nested index, empty index', async () => {
    const inner = index([(await pushImage(client)).descriptor, (await pushImage(client)).descriptor])
    const stored = await expectStored(inner, OCI_INDEX)
    await expectStored(index([describeContent(stored, OCI_INDEX)], { annotations: { nested: 'yes' } }), OCI_INDEX)
    await expectStored(index([]), OCI_INDEX)
  })

  test('artifact, artifact index, artifact without layers, data fields', async () => {
    const empty = await client.pushBlob(contentOf('{}'))
    const config = describeContent(empty, EMPTY_TYPE)
    const artifact = { artifactType: 'application/vnd.example.thing', config }
    const stored = await expectStored(await image({ extra: artifact }), OCI_MANIFEST)
    await expectStored(
      index([describeContent(stored, OCI_MANIFEST)], { artifactType: 'application/vnd.example.index' }),
      OCI_INDEX,
    )
    await expectStored(await image({ extra: { ...artifact, layers: [] } }), OCI_MANIFEST)
    await expectStored(await image({ extra: { ...artifact, layers: [{ ...config, data: 'e30=' }] } }), OCI_MANIFEST)
  })

  test('artifacts with subject, index with subject, missing subject', async () => {
    const { descriptor: subject } = await pushImage(client)
    await expectStored(await image({ extra: { subject, artifactType: 'application/vnd.example.sbom' } }), OCI_MANIFEST)
    await expectStored(index([], { subject, artifactType: 'application/vnd.example.list' }), OCI_INDEX)
    const missing = describeContent(freshContent(10), OCI_MANIFEST)
    await expectStored(await image({ extra: { subject: missing } }), OCI_MANIFEST)
  })

  test('non-distributable layers whose blobs are nowhere, also of Docker', async () => {
    for (const mediaType of [
      'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    ]) {
      const foreign = { ...describeContent(freshContent(10), mediaType), urls: ['https://example.invalid/layer'] }
      await expectStored(await image({ extra: { layers: [foreign] } }), OCI_MANIFEST)
    }
  })

  test('custom fields at every level, the key __proto__ too', async () => {
    const stored = await image({ extra: { 'org.example': { deep: [1, { two: null }] } } })
    await expectStored({ ...stored, annotations: JSON.parse('{"__proto__":"x","constructor":"y"}') }, OCI_MANIFEST)
  })

  test('Docker manifest and list keep their types', async () => {
    const docker = 'application/vnd.docker.distribution.manifest.v2+json'
    const list = 'application/vnd.docker.distribution.manifest.list.v2+json'
    const stored = await expectStored(await image({ extra: { mediaType: docker } }), docker)
    await expectStored({ schemaVersion: 2, mediaType: list, manifests: [describeContent(stored, docker)] }, list)
  })

  test('an index of blobs, as BuildKit keeps its cache', async () => {
    const blob = await client.pushBlob(freshContent(100))
    await expectStored(index([describeContent(blob, 'application/vnd.buildkit.cacheconfig.v0')]), OCI_INDEX)
  })

  test('a sparse index is refused, unless the repository allows it', async () => {
    const sparse = index([(await pushImage(client)).descriptor, describeContent(freshContent(10), OCI_MANIFEST)])
    const body = JSON.stringify(sparse)
    const refused = await client.send('PUT', 'manifests/sparse', { headers: { 'content-type': OCI_INDEX }, body })
    expect([refused.status, refused.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    await server.setRepository('acme/repo1', { allow_sparse: 1 })
    await expectStored(sparse, OCI_INDEX)
    await server.setRepository('acme/repo1', { allow_sparse: 0 })
  })
})

describe('Pushing Manifests: tags, digests, types', () => {
  const put = (path: string, body: string, headers: Record<string, string> = { 'content-type': OCI_MANIFEST }) =>
    client.send('PUT', path, { headers, body })
  const imageText = async () => new TextDecoder().decode((await pushImage(client)).manifest.bytes)

  for (const algorithm of ['sha256', 'sha512'] as const) {
    test(`?tag= on a PUT by ${algorithm} digest names every tag in OCI-Tag (end-7b, dev)`, async () => {
      const { manifest } = await pushImage(client, { algorithm })
      const tags = Array.from({ length: 12 }, (_, i) => `${algorithm}-p${i}`)
      const path = `manifests/${manifest.digest}?${tags.map((tag) => `tag=${tag}`).join('&')}`
      const answer = await put(path, new TextDecoder().decode(manifest.bytes))
      expect(answer.status).toBe(201)
      expect((answer.headers.get('oci-tag') ?? '').split(', ')).toEqual(tags)
      for (const tag of tags) {
        const head = await client.send('HEAD', `manifests/${tag}`)
        expect(head.headers.get('docker-content-digest')).toBe(manifest.digest)
      }
    })
  }

  test('too many ?tag= are 414, a malformed one is 400, and neither stores anything', async () => {
    const text = await imageText()
    const changed = text.replace('{', '{ ')
    const { digest } = contentOf(changed)
    const many = Array.from({ length: 101 }, (_, i) => `tag=many${i}`).join('&')
    expect((await put(`manifests/${digest}?${many}`, changed)).status).toBe(414)
    expect((await put(`manifests/${digest}?tag=-bad`, changed)).code).toBe('TAG_INVALID')
    expect((await client.send('HEAD', `manifests/${digest}`)).status).toBe(404)
  })

  test('a PUT by another digest is 400 DIGEST_INVALID, and so is a malformed one', async () => {
    const text = await imageText()
    for (const digest of [`sha256:${'0'.repeat(64)}`, `sha512:${'0'.repeat(128)}`, 'sha256:baddigeststring']) {
      const answer = await put(`manifests/${digest}`, text)
      expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID'])
    }
    expect([404, 400]).toContain((await client.send('GET', 'manifests/sha256:baddigeststring')).status)
  })

  test('parameters of Content-Type are ignored, and an absent one is read from the body', async () => {
    const text = await imageText()
    const { digest } = contentOf(text)
    expect((await put(`manifests/${digest}`, text, { 'content-type': `${OCI_MANIFEST}; charset=utf-8` })).status).toBe(
      201,
    )
    expect((await client.send('HEAD', `manifests/${digest}`)).headers.get('content-type')).toBe(OCI_MANIFEST)
    const bytes = new TextEncoder().encode(text)
    expect((await client.send('PUT', `manifests/${digest}`, { body: bytes })).status).toBe(201)
  })

  test('a body over 4 MiB is 413, announced or not', async () => {
    const body = new Uint8Array(4 * 1024 * 1024 + 1).fill(0x20)
    const headers = { 'content-type': OCI_MANIFEST }
    const announced = await client.send('PUT', 'manifests/big', { headers, body })
    const streamed = await client.send('PUT', 'manifests/big', { headers, body: streamOf(body) })
    for (const answer of [announced, streamed])
      expect([answer.status, answer.code]).toEqual([413, 'MANIFEST_TOO_LARGE'])
  })

  test('If-Match moves a tag only from where the client saw it, as @sigstore/oci does', async () => {
    const [first, second] = [await imageText(), await imageText()]
    const put2 = (body: string, match: string) =>
      put('manifests/guarded', body, { 'content-type': OCI_MANIFEST, 'if-match': match })
    const absent = await put2(first, `"${contentOf(first).digest}"`)
    expect([absent.status, absent.code]).toEqual([412, 'PRECONDITION_FAILED'])
    expect((await put('manifests/guarded', first)).status).toBe(201)
    expect((await put2(second, `"${contentOf(second).digest}"`)).status).toBe(412)
    expect((await put2(second, `"${contentOf(first).digest}"`)).status).toBe(201)
    expect((await put2(first, '*')).status).toBe(201)
  })

  test('If-None-Match with the digest is 304', async () => {
    const { manifest } = await pushImage(client)
    const headers = { 'if-none-match': `"${manifest.digest}"` }
    const answer = await client.send('GET', `manifests/${manifest.digest}`, { headers })
    expect([answer.status, answer.bytes.byteLength]).toEqual([304, 0])
  })

  test('what is not there is 404 MANIFEST_UNKNOWN, by tag, by digest and in an absent repository', async () => {
    const absent = client.in('acme/absent')
    for (const answer of [
      await client.send('GET', 'manifests/no-such-tag'),
      await client.send('GET', `manifests/sha256:${'0'.repeat(64)}`),
      await absent.send('GET', 'manifests/latest'),
      await client.send('GET', `manifests/sha256-${'0'.repeat(64)}.sig`),
    ]) {
      expect([answer.status, answer.code]).toEqual([404, 'MANIFEST_UNKNOWN'])
    }
  })

  test('twenty clients that move one tag at once all succeed, and one of them is last', async () => {
    const images = await Promise.all(Array.from({ length: 20 }, imageText))
    const answers = await Promise.all(images.map((body) => put('manifests/contested', body)))
    expect(answers.map((answer) => answer.status)).toEqual(images.map(() => 201))
    const { headers } = await client.send('HEAD', 'manifests/contested')
    expect(images.map((body) => contentOf(body).digest)).toContain(headers.get('docker-content-digest') ?? '')
  })
})
