// regctl, as regclient sends it: a mount probe without `from`, chunked uploads that recover, tags by parameter, tag delete.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chunk } from '../support/blob-checks.ts'
import {
  freshContent,
  locationOf,
  OCI_INDEX,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  withQuery,
} from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { logIn, must, OCTETS } from './go-clients.ts'
import { pushUnpackableImage } from './unpackable-image.ts'

const REPOSITORY = 'acme/regctl'

let server: TestServer
let client: OciRequests
beforeAll(async () => {
  server = await startServer()
  client = await logIn(server.url, REPOSITORY, OWNER, [`repository:${REPOSITORY}:pull,push`])
})
afterAll(() => server.stop())

test('the probe mounts what a repository of the organization has, and gives a session for what none has', async () => {
  const known = await ociRequests(server.url, 'acme/elsewhere', OWNER).pushBlob(freshContent(100))
  const scopes = [`repository:${REPOSITORY}:pull,push`, 'repository:acme/elsewhere:pull']
  const wide = await logIn(server.url, REPOSITORY, OWNER, scopes)
  await must(wide, 201, 'POST', `blobs/uploads/?mount=${encodeURIComponent(known.digest)}`)
  await must(client, 200, 'HEAD', `blobs/${known.digest}`)
  // The session of the probe is used: one PUT with the whole content.
  const fresh = freshContent(100)
  const begun = await must(client, 202, 'POST', `blobs/uploads/?mount=${encodeURIComponent(fresh.digest)}`)
  const path = withQuery(locationOf(begun), { digest: fresh.digest })
  await must(client, 201, 'PUT', path, { headers: OCTETS, body: fresh.bytes })
})

test('a chunked upload goes on after a lost answer: 416, then GET tells the Range, then the rest', async () => {
  const blob = freshContent(5000)
  const begun = await must(client, 202, 'POST', 'blobs/uploads/')
  const first = await must(client, 202, 'PATCH', locationOf(begun), chunk(blob.bytes, 0, 2000))
  expect(first.headers.get('range')).toBe('0-1999')
  // The chunk arrives once more, as when its first answer was lost.
  const again = await must(client, 416, 'PATCH', locationOf(first), chunk(blob.bytes, 0, 2000))
  expect(again.headers.get('range')).toBe('0-1999')
  const asked = await must(client, 204, 'GET', locationOf(first))
  const next = Number(/^0-(\d+)$/.exec(asked.headers.get('range') ?? '')?.[1]) + 1
  const second = await must(client, 202, 'PATCH', locationOf(asked), chunk(blob.bytes, next, 4000))
  // The last chunk may come with the PUT.
  const path = withQuery(locationOf(second), { digest: blob.digest })
  await must(client, 201, 'PUT', path, chunk(blob.bytes, 4000, 5000))
  expect((await must(client, 200, 'GET', `blobs/${blob.digest}`)).bytes).toEqual(blob.bytes)
})

test('a PUT by digest moves the tags of its parameters, and names each; a tag is deleted alone', async () => {
  const image = await pushUnpackableImage(ociRequests(server.url, REPOSITORY, OWNER), 'v1')
  const { digest, bytes } = image.manifest
  const tags = Array.from({ length: 10 }, (_, i) => `param-${i}`)
  const query = tags.map((tag) => `tag=${tag}`).join('&')
  const put = { headers: { 'content-type': OCI_MANIFEST }, body: bytes }
  const answer = await must(client, 201, 'PUT', `manifests/${digest}?${query}`, put)
  expect(answer.headers.get('oci-tag')?.split(/,\s*/).sort()).toEqual(tags)
  const remover = await logIn(server.url, REPOSITORY, OWNER, [`repository:${REPOSITORY}:delete`])
  await must(remover, 202, 'DELETE', 'manifests/param-0')
  await must(client, 404, 'HEAD', 'manifests/param-0')
  for (const reference of ['param-1', 'v1', digest]) await must(client, 200, 'HEAD', `manifests/${reference}`)
})

test('an artifact is put, listed with the subject’s answer header, and its upload can be cancelled', async () => {
  const image = await pushUnpackableImage(ociRequests(server.url, REPOSITORY, OWNER), 'subject', 'subject')
  const body = JSON.stringify({
    ...(JSON.parse(new TextDecoder().decode(image.manifest.bytes)) as object),
    artifactType: 'application/vnd.example.regctl',
    subject: image.descriptor,
  })
  const put = await must(client, 201, 'PUT', 'manifests/artifact', { headers: { 'content-type': OCI_MANIFEST }, body })
  expect(put.headers.get('oci-subject')).toBe(image.manifest.digest)
  const list = await must(client, 200, 'GET', `referrers/${image.manifest.digest}`, { headers: { accept: OCI_INDEX } })
  expect((JSON.parse(list.text) as { manifests: object[] }).manifests).toHaveLength(1)
  const begun = await must(client, 202, 'POST', 'blobs/uploads/')
  await must(client, 204, 'DELETE', locationOf(begun))
  await must(client, 404, 'GET', locationOf(begun))
})
