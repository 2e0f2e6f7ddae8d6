// The same bytes under every media type in two organizations: what one organization says of them changes nothing for the other.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { MediaType } from '../../src/oci/media-types.ts'
import { startKagami } from '../support/kagami.ts'
import {
  contentOf,
  describeContent,
  freshContent,
  OCI_CONFIG,
  OCI_LAYER,
  ociRequests,
} from '../support/oci-requests.ts'
import { startTwoOrganizations, type TwoOrganizations } from './two-organizations.ts'

setDefaultTimeout(120_000)

const TYPES = [
  MediaType.ociManifest,
  MediaType.ociIndex,
  MediaType.ociArtifact,
  MediaType.dockerManifest,
  MediaType.dockerList,
]

let tenants: TwoOrganizations
let upstream: Awaited<ReturnType<typeof startKagami>>
beforeAll(async () => {
  tenants = await startTwoOrganizations()
  upstream = await startKagami()
})
afterAll(async () => {
  await tenants?.kagami.stop()
  await upstream?.stop()
})

describe('a manifest without mediaType, pushed by another organization under each type first', () => {
  test('the mirror of it has config, layers and referrers, and so has a push', async () => {
    const { kagami, owner, ritaLogin } = tenants
    const source = ociRequests(upstream.url, 'acme/app', upstream.owner)
    const config = await source.pushBlob(contentOf('{"os":"linux","architecture":"amd64"}'))
    const layer = await source.pushBlob(freshContent(300))
    const image = {
      schemaVersion: 2,
      config: describeContent(config, OCI_CONFIG),
      layers: [describeContent(layer, OCI_LAYER)],
    }
    const { digest, bytes } = await source.pushManifest(image, MediaType.ociManifest, 'v1')
    const subject = { mediaType: MediaType.ociManifest, digest, size: bytes.byteLength }
    const signature = { ...image, artifactType: 'application/x.signature', subject }
    const signed = await source.pushManifest(signature, MediaType.ociManifest)

    const rival = ociRequests(kagami.url, 'rival/other', ritaLogin)
    for (const content of [bytes, signed.bytes]) {
      for (const type of TYPES) {
        const put = { headers: { 'content-type': type }, body: content }
        const answer = await rival.send('PUT', `manifests/${contentOf(content).digest}`, put)
        expect([type, answer.status]).toEqual([type, 400])
      }
    }

    await owner.run(
      ['upstream', 'add', 'source', `${upstream.url}/acme`, '--org', 'acme', '--plain-http', ...login(upstream.owner)],
      {
        input: upstream.owner.password,
      },
    )
    await owner.run(['mirror', 'start', 'source/app', '--org', 'acme', '--as', 'app', '--wait'])
    const mine = ociRequests(kagami.url, 'acme/app', kagami.owner)
    for (const blob of [config, layer]) expect((await mine.send('GET', `blobs/${blob.digest}`)).status).toBe(200)
    expect((await mine.send('GET', 'manifests/v1')).bytes).toEqual(bytes)
    const { manifests } = JSON.parse((await mine.send('GET', `referrers/${digest}`)).text)
    expect(manifests.map((one: { digest: string }) => one.digest)).toEqual([signed.digest])
    expect((await mine.send('DELETE', `blobs/${layer.digest}`)).status).toBe(405)
  })
})

const login = ({ username }: { username: string }) => ['--username', username, '--password-stdin']
