// An upstream's manifest may name any digest: a mirror must not turn that into the bytes (design, invariant 2).
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { digestOf } from '../support/fixtures.ts'
import type { Kagami } from '../support/kagami.ts'
import {
  type Content,
  contentOf,
  describeContent,
  freshContent,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  ociRequests,
} from '../support/oci-requests.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { expectStatus, type RegistryClient, registryClient } from '../support/registry-client.ts'
import type { Credentials } from '../support/registry-session.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator } from './operator.ts'
import { startTwoOrganizations, type TwoOrganizations } from './two-organizations.ts'

setDefaultTimeout(120_000)

describe.skipIf(!haveDockerRegistry)(
  "a mirror of an upstream whose manifest names a layer that is not the upstream's to give",
  () => {
    const credentials = { username: 'vendor', password: 'of the upstream' }
    let tenants: TwoOrganizations
    let kagami: Kagami
    let upstream: RegistryClient
    let registry: Awaited<ReturnType<typeof startDockerRegistry>>
    let proxy: CountingProxy
    let trap: Content
    beforeAll(async () => {
      tenants = await startTwoOrganizations()
      kagami = tenants.kagami
      registry = await startDockerRegistry({ credentials })
      proxy = await countingProxy(registry.url)
      upstream = registryClient(registry.url, 'trap', { credentials })
      // Pushed whole, then the layer is taken away: what is left is a manifest that names it.
      const config = freshContent(70)
      for (const { digest, bytes } of [config, tenants.secretLayer]) await upstream.pushBlob(digest, bytes)
      const layers = [describeContent(tenants.secretLayer, OCI_LAYER)]
      const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: describeContent(config, OCI_CONFIG), layers }
      trap = contentOf(JSON.stringify(image))
      expectStatus(await upstream.putManifest('1', trap.bytes, OCI_MANIFEST), 'PUT of the trap', 201)
      expectStatus(
        await upstream.send(`blobs/${tenants.secretLayer.digest}`, { method: 'DELETE' }),
        'DELETE of its layer',
        202,
      )
      await addUpstream(tenants.rita, 'upstream', proxy.url, credentials)
      await addUpstream(tenants.owner, 'other', proxy.url, credentials)
    })
    afterAll(async () => {
      await kagami?.stop()
      await proxy?.stop()
      await registry?.stop()
    })

    /** The tag fails, says which layer upstream does not have, and nothing of it is served. */
    async function expectHeld(operator: Operator, who: Credentials, args: string[], repository: string) {
      const { exitCode, run, mirror } = await operator.wait(args)
      expect([exitCode, run.outcome, mirror.tags.published]).toEqual([1, 'failed', 0])
      expect(run.failures.map(({ tag, digest }) => [tag, digest])).toEqual([['1', tenants.secretLayer.digest]])
      const client = ociRequests(kagami.url, repository, who)
      for (const path of ['manifests/1', `manifests/${trap.digest}`, `blobs/${tenants.secretLayer.digest}`]) {
        expect([path, (await client.send('GET', path)).status]).toEqual([path, 404])
      }
      expect(JSON.parse((await client.send('GET', 'tags/list')).text).tags).toEqual([])
    }

    test("another organization's layer: the tag fails", async () => {
      await expectHeld(tenants.rita, tenants.ritaLogin, ['mirror', 'start', 'upstream/trap'], 'rival/trap')
    })

    test("a teammate's private layer, of the same organization: the tag fails as well", async () => {
      await expectHeld(tenants.owner, kagami.owner, ['mirror', 'start', 'other/trap'], 'acme/trap')
    })

    test('with the bytes at the upstream the next run fetches them from there, and serves them', async () => {
      await upstream.pushBlob(tenants.secretLayer.digest, tenants.secretLayer.bytes)
      for (const [operator, who, repository] of [
        [tenants.rita, tenants.ritaLogin, 'rival/trap'],
        [tenants.owner, kagami.owner, 'acme/trap'],
      ] as const) {
        proxy.reset()
        expectDone(await operator.wait(['mirror', 'sync', repository]))
        const fetched = proxy.requests.filter(
          ({ kind, reference }) => kind === 'blob-get' && reference === tenants.secretLayer.digest,
        )
        expect(fetched.length).toBe(1)
        const client = ociRequests(kagami.url, repository, who)
        expect(digestOf((await client.send('GET', `blobs/${tenants.secretLayer.digest}`)).bytes)).toBe(
          tenants.secretLayer.digest,
        )
      }
    })
  },
)
