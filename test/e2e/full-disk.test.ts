// The disk fills up during a mirror run: a clear error, the server lives, and once there is room the mirror converges.
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { digestOf } from '../support/fixtures.ts'
import { startKagami } from '../support/kagami.ts'
import {
  describeContent,
  freshContent,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
} from '../support/oci-requests.ts'
import { mountSmallDisk } from '../support/small-disk.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, signIn } from './operator.ts'

setDefaultTimeout(120_000)

const disk = mountSmallDisk(64)
afterAll(() => disk?.remove())

const LAYER_BYTES = 4_000_000
const BIG_LAYERS = 6

async function pushTag(client: OciRequests, tag: string, layers: number): Promise<void> {
  const config = await client.pushBlob(freshContent(200))
  const blobs = []
  for (let i = 0; i < layers; i++) blobs.push(await client.pushBlob(freshContent(LAYER_BYTES + i)))
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describeContent(config, OCI_CONFIG),
    layers: blobs.map((blob) => describeContent(blob, OCI_LAYER)),
  }
  await client.pushManifest(manifest, OCI_MANIFEST, tag)
}

describe.skipIf(disk === undefined)('a mirror run that fills the disk of the whole data directory', () => {
  test('fails by name, keeps serving what it had, and converges once there is room', async () => {
    const vendor = await startKagami({ env: { KAGAMI_ORG: 'vendor' } })
    const upstream = ociRequests(vendor.url, 'vendor/app', vendor.owner)
    const kagami = await startKagami({ dataDirectory: join(disk?.path ?? '', 'data') })
    const operator = await signIn(kagami)
    await addUpstream(operator, 'vendor', `${vendor.url}/vendor`, vendor.owner)
    await pushTag(upstream, 'before', 1)
    expectDone(await operator.wait(['mirror', 'start', 'vendor/app']))
    const served = ociRequests(kagami.url, 'acme/app', kagami.owner)
    const statusOf = async (path: string) => (await served.send('GET', path)).status

    await pushTag(upstream, 'big', BIG_LAYERS)
    disk?.fill(2.5 * LAYER_BYTES)
    const full = await operator.wait(['mirror', 'sync', 'acme/app'])
    expect([full.exitCode, full.run.outcome, full.mirror.state]).toEqual([1, 'partial', 'degraded'])
    expect(full.run.failures.map(({ tag, code }) => [tag, code])).toEqual([['big', 'STORAGE_FULL']])
    expect(full.mirror.reason).toContain('full')
    // Room is left for what the server itself has to write down.
    expect(disk?.freeBytes()).toBeGreaterThan(0)

    expect([kagami.running(), await statusOf('manifests/before'), await statusOf('manifests/big')]).toEqual([
      true,
      200,
      404,
    ])
    const push = ociRequests(kagami.url, 'acme/own', kagami.owner).pushBlob(freshContent(LAYER_BYTES))
    await expect(push).rejects.toThrow('got 507')
    await operator.createToken()

    disk?.empty()
    expectDone(await operator.wait(['mirror', 'sync', 'acme/app']))
    const manifest = await served.send('GET', 'manifests/big')
    const { layers } = JSON.parse(manifest.text) as { layers: { digest: string; size: number }[] }
    expect(layers.length).toBe(BIG_LAYERS)
    for (const { digest, size } of layers) {
      const { bytes } = await served.send('GET', `blobs/${digest}`)
      expect([bytes.length, digestOf(bytes)]).toEqual([size, digest])
    }
    await kagami.stop()
    await vendor.stop()
  })
})
