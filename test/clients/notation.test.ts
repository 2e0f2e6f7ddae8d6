// notation sign, list and verify, as notation-go with oras-go sends them: signatures are referrers.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, digestOf, fixtureLayout } from '../support/fixtures.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { logIn, manifestOf, must, pushLikeOras } from './go-clients.ts'

const SIGNATURE = 'application/vnd.cncf.notary.signature'

describeWithFixtures('notation', () => {
  const layout = fixtureLayout('notation')
  const repository = 'acme/notation'
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())

  test('signs: resolves the tag, pushes envelope, empty config and manifest with subject; list and verify find them', async () => {
    const client = await logIn(server.url, repository, OWNER, [`repository:${repository}:pull,push`])
    for (const [tag, digest] of layout.tags) await pushLikeOras(client, layout, digest, tag)
    const head = await must(client, 200, 'HEAD', 'manifests/3.1')
    expect(head.headers.get('docker-content-digest')).toBe(layout.tags.get('3.1') ?? '')
    let signatures = 0
    for (const [subject, referrers] of layout.referrers) {
      for (const referrer of referrers) await pushLikeOras(client, layout, referrer)
      const path = `referrers/${subject}?artifactType=${encodeURIComponent(SIGNATURE)}`
      const list = await must(client, 200, 'GET', path)
      const { manifests } = JSON.parse(list.text) as {
        manifests: { digest: string; artifactType: string; annotations: Record<string, string> }[]
      }
      expect(manifests.map(({ digest }) => digest).sort()).toEqual([...referrers].sort())
      for (const { digest, artifactType, annotations } of manifests) {
        expect(artifactType).toBe(SIGNATURE)
        expect(annotations).toHaveProperty(['io.cncf.notary.x509chain.thumbprint#S256'])
        const got = await must(client, 200, 'GET', `manifests/${digest}`)
        expect(digestOf(got.bytes)).toBe(digest)
        for (const blob of manifestOf(layout, digest).blobs) {
          expect(digestOf((await must(client, 200, 'GET', `blobs/${blob}`)).bytes)).toBe(blob)
        }
        signatures++
      }
    }
    expect(signatures).toBe(4)
    expect(await compareMirror(layout, { url: server.url, repository, credentials: OWNER })).toEqual([])
  })
})
