// crane, as go-containerregistry sends it: push, cp with a mount, tag, ls, catalog, digest, delete.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Answer, locationOf, OCI_MANIFEST, ociRequests } from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { logIn, must, OCTETS } from './go-clients.ts'
import { pushUnpackableImage } from './unpackable-image.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const push = (repository: string, tag: string, text?: string) =>
  pushUnpackableImage(ociRequests(server.url, repository, OWNER), tag, text)

/** GG follows `Link` on the same host only, so it must be relative or of this origin. */
function nextOf(answer: Answer): string | undefined {
  const link = answer.headers.get('link')
  return link === null ? undefined : /^<(\/v2\/[^>]+)>; rel="next"$/.exec(link)?.[1]
}

test('cp asks for both scopes, mounts every blob from the source, and puts the same manifest', async () => {
  const image = await push('acme/crane-source', 'v1')
  const scopes = ['repository:acme/crane-copy:push,pull', 'repository:acme/crane-source:pull']
  const client = await logIn(server.url, 'acme/crane-copy', OWNER, scopes)
  for (const { digest } of [...image.layers, image.config]) {
    await must(client, 404, 'HEAD', `blobs/${digest}`)
    const query = `from=acme%2Fcrane-source&mount=${encodeURIComponent(digest)}&origin=127.0.0.1`
    const mounted = await must(client, 201, 'POST', `blobs/uploads/?${query}`, { headers: OCTETS })
    expect(locationOf(mounted)).toBe(`/v2/acme/crane-copy/blobs/${digest}`)
    await must(client, 200, 'HEAD', `blobs/${digest}`)
  }
  const put = { headers: { 'content-type': OCI_MANIFEST }, body: image.manifest.bytes }
  await must(client, 201, 'PUT', 'manifests/v1', put)
  const head = await must(client, 200, 'HEAD', 'manifests/v1', { headers: { accept: OCI_MANIFEST } })
  expect(head.headers.get('docker-content-digest')).toBe(image.manifest.digest)
  expect(head.headers.get('content-length')).toBe(String(image.manifest.bytes.byteLength))
})

test('a mount from another organization becomes an upload, which crane goes on with', async () => {
  const image = await push('acme/crane-secret', 'v1', 'secret of acme')
  const who = await server.addUser('other-owner', { other: 'owner' })
  const scopes = ['repository:other/app:push,pull', 'repository:acme/crane-secret:pull']
  const client = await logIn(server.url, 'other/app', who, scopes)
  const [layer] = image.layers
  if (layer === undefined) throw new Error('the image has a layer')
  const query = `from=acme%2Fcrane-secret&mount=${encodeURIComponent(layer.digest)}&origin=127.0.0.1`
  const begun = await must(client, 202, 'POST', `blobs/uploads/?${query}`, { headers: OCTETS })
  await must(client, 404, 'HEAD', `blobs/${layer.digest}`)
  const sent = await must(client, 202, 'PATCH', locationOf(begun), { headers: OCTETS, body: layer.bytes })
  await must(client, 201, 'PUT', `${locationOf(sent)}?digest=${encodeURIComponent(layer.digest)}`)
})

test('tag puts the manifest under another name; ls and catalog page by Link; delete by digest takes all tags', async () => {
  const image = await push('acme/crane-tags', 'v1')
  const client = await logIn(server.url, 'acme/crane-tags', OWNER, ['repository:acme/crane-tags:push,pull'])
  const wanted = Array.from({ length: 12 }, (_, i) => `t${String(i).padStart(2, '0')}`)
  for (const tag of wanted) {
    const put = { headers: { 'content-type': OCI_MANIFEST }, body: image.manifest.bytes }
    await must(client, 201, 'PUT', `manifests/${tag}`, put)
  }
  const listed: string[] = []
  for (let page: string | undefined = 'tags/list?n=5'; page !== undefined; ) {
    const answer: Answer = await must(client, 200, 'GET', page)
    listed.push(...(JSON.parse(answer.text) as { tags: string[] }).tags)
    page = nextOf(answer)
  }
  expect(listed).toEqual([...wanted, 'v1'])

  const catalog = await logIn(server.url, 'acme/crane-tags', OWNER, ['registry:catalog:*'])
  const repositories: string[] = []
  for (let page: string | undefined = '/v2/_catalog?n=1'; page !== undefined; ) {
    const answer: Answer = await must(catalog, 200, 'GET', page)
    repositories.push(...(JSON.parse(answer.text) as { repositories: string[] }).repositories)
    page = nextOf(answer)
  }
  expect(repositories).toContain('acme/crane-tags')
  expect(repositories).toEqual([...new Set(repositories)].sort())

  const remover = await logIn(server.url, 'acme/crane-tags', OWNER, ['repository:acme/crane-tags:delete'])
  await must(remover, 202, 'DELETE', `manifests/${image.manifest.digest}`)
  for (const reference of ['v1', 't00', image.manifest.digest])
    await must(client, 404, 'HEAD', `manifests/${reference}`)
  expect(JSON.parse((await must(client, 200, 'GET', 'tags/list')).text)).toMatchObject({ tags: [] })
})
