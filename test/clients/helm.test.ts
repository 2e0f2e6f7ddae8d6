// helm push and pull, as helm 3 with oras-go sends it: `helm push demo-0.4.2.tgz oci://HOST/acme/charts` makes acme/charts/demo.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, digestOf, fixtureLayout } from '../support/fixtures.ts'
import { OCI_MANIFEST } from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { logIn, manifestOf, must, pushLikeOras } from './go-clients.ts'

const REPOSITORY = 'acme/charts/demo'
const CHART = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'
const PROVENANCE = 'application/vnd.cncf.helm.chart.provenance.v1.prov'

describeWithFixtures('helm', () => {
  const layout = fixtureLayout('helm-chart')
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())

  test('pushes a chart with its provenance into a nested repository, lists versions, pulls both files', async () => {
    const client = await logIn(server.url, REPOSITORY, OWNER, [`repository:${REPOSITORY}:pull,push`])
    for (const [version, digest] of layout.tags) {
      await pushLikeOras(client, layout, digest, version)
      const manifest = manifestOf(layout, digest)
      const { layers } = JSON.parse(new TextDecoder().decode(manifest.bytes)) as {
        layers: { mediaType: string; digest: string; size: number }[]
      }
      // helm orders them by digest.
      expect(layers.map(({ mediaType }) => mediaType).sort()).toEqual(
        version === '0.4.2' ? [CHART, PROVENANCE] : [CHART],
      )
      // The pull: HEAD for the descriptor, GET by digest, then the layers.
      const accept = { accept: OCI_MANIFEST }
      const head = await must(client, 200, 'HEAD', `manifests/${version}`, { headers: accept })
      expect(head.headers.get('content-length')).toBe(String(manifest.bytes.length))
      expect(head.headers.get('content-type')).toBe(OCI_MANIFEST)
      const resolved = head.headers.get('docker-content-digest') ?? ''
      expect(digestOf((await must(client, 200, 'GET', `manifests/${resolved}`, { headers: accept })).bytes)).toBe(
        digest,
      )
      for (const layer of layers) {
        const got = await must(client, 200, 'GET', `blobs/${layer.digest}`)
        expect([digestOf(got.bytes), got.bytes.length]).toEqual([layer.digest, layer.size])
      }
    }
    const list = await must(client, 200, 'GET', 'tags/list')
    // helm turns `+` of a version into `_`.
    expect(JSON.parse(list.text)).toEqual({ name: REPOSITORY, tags: ['0.4.2', '0.4.2_build.7'] })
  })

  test('with what was attached to the chart the repository is the fixture, digest by digest', async () => {
    const client = await logIn(server.url, REPOSITORY, OWNER, [`repository:${REPOSITORY}:pull,push`])
    for (const { digest, subject } of layout.manifests.values()) {
      if (subject !== undefined) await pushLikeOras(client, layout, digest)
    }
    const target = { url: server.url, repository: REPOSITORY, credentials: OWNER }
    expect(await compareMirror(layout, target)).toEqual([])
  })
})
