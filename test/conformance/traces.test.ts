// What real clients send, request by request (the checklist's section 6, and what it says of clients that are not at hand).
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { streamOf } from '../support/blob-checks.ts'
import {
  type Answer,
  type Content,
  contentOf,
  describeContent,
  freshContent,
  locationOf,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  ociRequests,
  pushImage,
} from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const DOCKER_ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  OCI_INDEX,
  OCI_MANIFEST,
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/json',
].join(', ')
const OCTETS = { 'content-type': 'application/octet-stream' }

/** Follows the challenge of `/v2/` as these clients do: the token, once for the scope, and Basic on the token service only. */
async function login(repository: string, scopes: readonly string[]) {
  const ping = await ociRequests(server.url, repository, null).send('GET', '/v2/')
  expect(ping.status).toBe(401)
  const realm = /realm="([^"]+)"/.exec(ping.headers.get('www-authenticate') ?? '')?.[1] ?? ''
  const query = scopes.map((scope) => `&scope=${encodeURIComponent(scope)}`).join('')
  const path = `${new URL(realm).pathname}?account=owner&service=kagami${query}`
  const answer = await ociRequests(server.url, repository, OWNER).send('GET', path)
  expect(answer.status).toBe(200)
  const { token } = JSON.parse(answer.text) as { token: string }
  return ociRequests(server.url, repository, { bearer: token })
}

const imageOf = (config: Content, layers: readonly Content[], mediaType = OCI_MANIFEST) =>
  contentOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: describeContent(config, OCI_CONFIG),
      layers: layers.map((layer) => describeContent(layer, OCI_LAYER)),
    }),
  )

function expectAll(answers: readonly Answer[], statuses: readonly number[]) {
  expect(answers.map((answer) => answer.status)).toEqual([...statuses])
}

test('docker push: HEAD, POST, PATCH in chunked encoding without a type, empty PUT, HEAD; then the manifest by tag', async () => {
  const client = await login('acme/docker', ['repository:acme/docker:push,pull'])
  const [config, layer] = [freshContent(300), freshContent(5000)]
  for (const blob of [layer, config]) {
    const head = await client.send('HEAD', `blobs/${blob.digest}`)
    const post = await client.send('POST', 'blobs/uploads/', { headers: { 'content-length': '0' } })
    const patch = await client.send('PATCH', locationOf(post), { body: streamOf(blob.bytes) })
    // docker appends its parameter to whatever the Location says, and escapes the colon.
    const put = await client.send('PUT', `${locationOf(patch)}?digest=${encodeURIComponent(blob.digest)}`)
    expectAll([head, post, patch, put, await client.send('HEAD', `blobs/${blob.digest}`)], [404, 202, 202, 201, 200])
  }
  const type = 'application/vnd.docker.distribution.manifest.v2+json'
  const manifest = imageOf(config, [layer], type)
  const put = await client.send('PUT', 'manifests/v1', { headers: { 'content-type': type }, body: manifest.bytes })
  expect(put.status).toBe(201)

  const head = await client.send('HEAD', 'manifests/v1', { headers: { accept: DOCKER_ACCEPT } })
  const digest = head.headers.get('docker-content-digest') ?? ''
  expect([digest, head.headers.get('content-type')]).toEqual([manifest.digest, type])
  const get = await client.send('GET', `manifests/${digest}`, { headers: { accept: DOCKER_ACCEPT } })
  expect(get.bytes).toEqual(manifest.bytes)
  expect((await client.send('GET', `blobs/${layer.digest}`)).bytes).toEqual(layer.bytes)
})

test('docker push of a layer that it knows elsewhere: POST with mount and from, 201, no upload', async () => {
  const layer = await ociRequests(server.url, 'acme/base', OWNER).pushBlob(freshContent(100))
  const scopes = ['repository:acme/base:pull', 'repository:acme/derived:pull,push']
  const client = await login('acme/derived', scopes)
  const query = `from=acme%2Fbase&mount=${encodeURIComponent(layer.digest)}`
  expectAll([await client.send('POST', `blobs/uploads/?${query}`)], [201])
})

test('skopeo and podman push: HEAD blob, POST, one PATCH with its length, PUT; a manifest without mediaType', async () => {
  const client = await login('acme/skopeo', ['repository:acme/skopeo:pull,push'])
  const [config, layer] = [freshContent(300), freshContent(5000)]
  for (const blob of [layer, config]) {
    const head = await client.send('HEAD', `blobs/${blob.digest}`)
    const post = await client.send('POST', 'blobs/uploads/', { headers: OCTETS })
    const patch = await client.send('PATCH', locationOf(post), { headers: OCTETS, body: blob.bytes })
    const put = await client.send('PUT', `${locationOf(patch)}?digest=${encodeURIComponent(blob.digest)}`, {
      headers: OCTETS,
    })
    expectAll([head, post, patch, put], [404, 202, 202, 201])
  }
  const body = JSON.stringify({
    schemaVersion: 2,
    config: describeContent(config, OCI_CONFIG),
    layers: [describeContent(layer, OCI_LAYER)],
  })
  const put = await client.send('PUT', 'manifests/v1', { headers: { 'content-type': OCI_MANIFEST }, body })
  expectAll([put], [201])
  // skopeo delete reads the digest from the header, then deletes by digest with a token for all actions.
  const head = await client.send('HEAD', 'manifests/v1', { headers: { accept: DOCKER_ACCEPT } })
  const remover = await login('acme/skopeo', ['repository:acme/skopeo:*'])
  expectAll([await remover.send('DELETE', `manifests/${head.headers.get('docker-content-digest')}`)], [202])
})

test('containerd push: HEAD blob, POST with an unescaped mount, PUT with the body; HEAD and PUT of the manifest', async () => {
  const client = await login('acme/ctr', ['repository:acme/ctr:pull,push', 'repository:acme/absent:pull'])
  const [config, layer] = [freshContent(300), freshContent(5000)]
  for (const blob of [layer, config]) {
    const head = await client.send('HEAD', `blobs/${blob.digest}`, {
      headers: { accept: `${OCI_LAYER}, */*` },
    })
    const post = await client.send('POST', `blobs/uploads/?mount=${blob.digest}&from=acme/absent`)
    const put = await client.send('PUT', `${locationOf(post)}?digest=${encodeURIComponent(blob.digest)}`, {
      headers: OCTETS,
      body: streamOf(blob.bytes),
    })
    expectAll([head, post, put], [404, 202, 201])
  }
  const manifest = imageOf(config, [layer])
  const head = await client.send('HEAD', 'manifests/v1', { headers: { accept: `${OCI_MANIFEST}, */*` } })
  const put = await client.send('PUT', `manifests/v1`, {
    headers: { 'content-type': OCI_MANIFEST },
    body: manifest.bytes,
  })
  expectAll([head, put], [404, 201])

  // containerd pull: HEAD tag, GET digest, GET blobs with encodings that must not be used, from where it stopped.
  const resolved = await client.send('HEAD', 'manifests/v1?ns=registry.example')
  expect(resolved.headers.get('content-length')).toBe(String(manifest.bytes.byteLength))
  const part = await client.send('GET', `blobs/${layer.digest}`, {
    headers: { 'accept-encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5', range: 'bytes=4000-' },
  })
  expectAll([part], [206])
  expect(part.bytes).toEqual(layer.bytes.subarray(4000))
})

test('crane (GG): POST with mount, from and origin, PATCH, PUT; parallel pushes of one layer; delete by tag', async () => {
  const client = await login('acme/crane', ['repository:acme/crane:push,pull'])
  const [config, layer] = [freshContent(300), freshContent(5000)]
  const push = async (blob: Content) => {
    const post = await client.send('POST', `blobs/uploads/?from=library%2Falpine&mount=${blob.digest}&origin=docker.io`)
    const patch = await client.send('PATCH', locationOf(post), { headers: OCTETS, body: streamOf(blob.bytes) })
    const put = await client.send('PUT', `${locationOf(patch)}?digest=${encodeURIComponent(blob.digest)}`)
    expectAll([post, patch, put], [202, 202, 201])
  }
  await Promise.all([layer, layer, layer, config].map(push))
  const manifest = imageOf(config, [layer])
  await client.send('PUT', 'manifests/v1', { headers: { 'content-type': OCI_MANIFEST }, body: manifest.bytes })
  const remover = await login('acme/crane', ['repository:acme/crane:delete'])
  expectAll([await remover.send('DELETE', 'manifests/v1')], [202])
})

describe('regctl (RC)', () => {
  test('probes a mount without from, then one PUT; chunked uploads go on from the Range of a 416', async () => {
    const client = await login('acme/regctl', ['repository:acme/regctl:pull,push'])
    const blob = freshContent(3000)
    const probe = await client.send('POST', `blobs/uploads/?mount=${encodeURIComponent(blob.digest)}`)
    expectAll([probe], [202])
    const first = await client.send('PATCH', locationOf(probe), {
      headers: { ...OCTETS, 'content-range': '0-999' },
      body: blob.bytes.subarray(0, 1000),
    })
    const lost = await client.send('PATCH', locationOf(first), {
      headers: { ...OCTETS, 'content-range': '2000-2999' },
      body: blob.bytes.subarray(2000),
    })
    expectAll([first, lost], [202, 416])
    const next = Number(/^0-(\d+)$/.exec(lost.headers.get('range') ?? '')?.[1]) + 1
    const rest = await client.send('PATCH', locationOf(lost), {
      headers: { ...OCTETS, 'content-range': `${next}-2999` },
      body: blob.bytes.subarray(next),
    })
    const put = await client.send('PUT', `${locationOf(rest)}?digest=${encodeURIComponent(blob.digest)}`)
    expectAll([rest, put], [202, 201])
  })

  test('tells a sha512 upload beforehand by digest-algorithm', async () => {
    const client = await login('acme/regctl', ['repository:acme/regctl:pull,push'])
    const blob = freshContent(3000, 'sha512')
    const post = await client.send('POST', 'blobs/uploads/?digest-algorithm=sha512')
    const patch = await client.send('PATCH', locationOf(post), { headers: OCTETS, body: blob.bytes })
    const put = await client.send('PUT', `${locationOf(patch)}?digest=${blob.digest}`)
    expectAll([post, patch, put, await client.send('HEAD', `blobs/${blob.digest}`)], [202, 202, 201, 200])
  })
})

test('@sigstore/oci: a POST for the challenge, a referrers ping with an all-zero digest, a PUT with If-Match', async () => {
  const image = await pushImage(ociRequests(server.url, 'acme/signed', OWNER), { tag: 'v1' })
  const challenged = await ociRequests(server.url, 'acme/signed', null).send('POST', 'blobs/uploads/')
  expect(challenged.status).toBe(401)
  expect(challenged.headers.get('www-authenticate')).toContain('scope="repository:acme/signed:pull,push"')
  const client = await login('acme/signed', ['repository:acme/signed:pull,push'])
  const ping = await client.send('GET', `referrers/sha256:${'0'.repeat(64)}`)
  expect([ping.status, ping.headers.get('content-type')]).toEqual([200, OCI_INDEX])
  const signature = await pushImage(client, { extra: { subject: image.descriptor, artifactType: 'a/b' } })
  const etag = (await client.send('HEAD', 'manifests/v1')).headers.get('etag') ?? ''
  const put = await client.send('PUT', 'manifests/v1', {
    headers: { 'content-type': OCI_MANIFEST, 'if-match': etag },
    body: signature.manifest.bytes,
  })
  expect([put.status, put.headers.get('oci-subject')]).toEqual([201, image.manifest.digest])
})

test('cosign’s probe of a .sig tag and its push of one; oras’s list of referrers by type', async () => {
  const client = await login('acme/cosign', ['repository:acme/cosign:pull,push'])
  const image = await pushImage(client, { tag: 'v1' })
  const tag = `${image.manifest.digest.replace(':', '-')}.sig`
  const probe = await client.send('GET', `manifests/${tag}`, { headers: { accept: OCI_MANIFEST } })
  expect([probe.status, probe.code]).toEqual([404, 'MANIFEST_UNKNOWN'])
  const signature = await pushImage(client, { tag })
  expect((await client.send('HEAD', `manifests/${tag}`)).headers.get('etag')).toBe(`"${signature.manifest.digest}"`)
  const list = await client.send('GET', `referrers/${image.manifest.digest}?artifactType=a%2Fb&n=100`)
  expect([list.status, list.headers.get('oci-filters-applied')]).toEqual([200, 'artifactType'])
})
