// cosign sign, attest, attach and verify, as go-containerregistry sends them: digest tags (v1, v2) and bundles as referrers (v3).
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, digestOf, fixtureLayout } from '../support/fixtures.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { logIn, manifestOf, must, pushLikeCrane } from './go-clients.ts'

const DIGEST_TAG = /^sha256-([0-9a-f]{64})\.(sig|att|sbom)$/
const ACCEPT = { headers: { accept: [OCI_MANIFEST, OCI_INDEX].join(',') } }

describeWithFixtures('cosign', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())
  const open = (repository: string) => logIn(server.url, repository, OWNER, [`repository:${repository}:push,pull`])

  test('signs by tags: a probe is 404 MANIFEST_UNKNOWN, a second signature moves the tag, verify reads every layer', async () => {
    const layout = fixtureLayout('cosign-tags')
    const repository = 'acme/cosign-tags'
    const client = await open(repository)
    const [images, signatures] = [false, true].map((isSignature) =>
      [...layout.tags].filter(([tag]) => DIGEST_TAG.test(tag) === isSignature),
    )
    for (const [tag, digest] of images ?? []) await pushLikeCrane(client, layout, digest, tag)
    expect(signatures?.length).toBeGreaterThan(5)
    for (const [tag, digest] of signatures ?? []) {
      for (const method of ['GET', 'HEAD']) {
        const probe = await must(client, 404, method, `manifests/${tag}`, ACCEPT)
        if (method === 'GET') expect(probe.code).toBe('MANIFEST_UNKNOWN')
      }
      // One signature less at first: whoever signs again writes a longer manifest over the tag.
      const manifest = manifestOf(layout, digest)
      const parsed = JSON.parse(new TextDecoder().decode(manifest.bytes)) as { layers: { digest: string }[] }
      await pushLikeCrane(client, layout, digest)
      const shorter = new TextEncoder().encode(JSON.stringify({ ...parsed, layers: parsed.layers.slice(0, -1) }))
      const headers = { 'content-type': OCI_MANIFEST }
      await must(client, 201, 'PUT', `manifests/${tag}`, { headers, body: shorter })
      expect(digestOf((await must(client, 200, 'GET', `manifests/${tag}`, ACCEPT)).bytes)).toBe(digestOf(shorter))
      await pushLikeCrane(client, layout, digest, tag)
      const read = await must(client, 200, 'GET', `manifests/${tag}`, ACCEPT)
      expect(digestOf(read.bytes)).toBe(digest)
      for (const layer of parsed.layers) {
        expect(digestOf((await must(client, 200, 'GET', `blobs/${layer.digest}`)).bytes)).toBe(layer.digest)
      }
    }
    const target = { url: server.url, repository, credentials: OWNER }
    expect(await compareMirror(layout, target)).toEqual([])
  })

  test('signs by bundles: referrers on the index and on its children, found by an unfiltered list', async () => {
    const layout = fixtureLayout('cosign-bundle')
    const repository = 'acme/cosign-bundle'
    const client = await open(repository)
    for (const [tag, digest] of layout.tags) await pushLikeCrane(client, layout, digest, tag)
    for (const [subject, referrers] of layout.referrers) {
      const before = await must(client, 200, 'GET', `referrers/${subject}`, { headers: { accept: OCI_INDEX } })
      expect((JSON.parse(before.text) as { manifests: object[] }).manifests).toEqual([])
      for (const referrer of referrers) await pushLikeCrane(client, layout, referrer)
      const list = await must(client, 200, 'GET', `referrers/${subject}`, { headers: { accept: OCI_INDEX } })
      expect(list.headers.get('content-type')).toBe(OCI_INDEX)
      const { manifests } = JSON.parse(new TextDecoder().decode(list.bytes)) as { manifests: { digest: string }[] }
      expect(manifests.map(({ digest }) => digest).sort()).toEqual([...referrers].sort())
    }
    expect(await compareMirror(layout, { url: server.url, repository, credentials: OWNER })).toEqual([])
  })

  test('cleans up: the signature’s tag is deleted, and the image stays', async () => {
    const layout = fixtureLayout('cosign-tags')
    const repository = 'acme/cosign-clean'
    const digest = layout.tags.get('tool-0.9') ?? ''
    const tag = `${digest.replace(':', '-')}.sig`
    const client = await open(repository)
    await pushLikeCrane(client, layout, digest, 'tool-0.9')
    await pushLikeCrane(client, layout, layout.tags.get(tag) ?? '', tag)
    const remover = await logIn(server.url, repository, OWNER, [`repository:${repository}:delete`])
    await must(remover, 202, 'DELETE', `manifests/${tag}`)
    await must(client, 404, 'HEAD', `manifests/${tag}`)
    await must(client, 200, 'HEAD', `manifests/tool-0.9`)
  })
})
