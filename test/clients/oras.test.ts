// oras push, attach, discover, copy and delete, as oras-go sends them.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { OCI_INDEX } from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { logIn, must, pushLikeOras } from './go-clients.ts'

interface ReferrersDocument {
  readonly schemaVersion: number
  readonly mediaType: string
  readonly manifests: readonly { digest: string; artifactType?: string }[]
}

describeWithFixtures('oras', () => {
  const layout = fixtureLayout('oras-tree')
  const repository = 'acme/oras'
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
    const client = await logIn(server.url, repository, OWNER, [`repository:${repository}:pull,push`])
    for (const [tag, digest] of layout.tags) await pushLikeOras(client, layout, digest, tag)
    // Referrers before or after what they refer to: a subject is never required.
    for (const { digest, subject } of layout.manifests.values()) {
      if (subject !== undefined) await pushLikeOras(client, layout, digest)
    }
  })
  afterAll(() => server.stop())

  test('what it pushed and attached is the fixture, digest by digest and on every level', async () => {
    expect(await compareMirror(layout, { url: server.url, repository, credentials: OWNER })).toEqual([])
  })

  test('discover reads referrers, all and by type, with the very Content-Type and filter header that it compares', async () => {
    const client = await logIn(server.url, repository, OWNER, [`repository:${repository}:pull`])
    for (const [subject, referrers] of layout.referrers) {
      const all = await must(client, 200, 'GET', `referrers/${subject}`, { headers: { accept: OCI_INDEX } })
      expect(all.headers.get('content-type')).toBe(OCI_INDEX)
      expect(all.headers.get('oci-filters-applied')).toBeNull()
      const document: ReferrersDocument = JSON.parse(new TextDecoder().decode(all.bytes))
      expect([document.schemaVersion, document.mediaType]).toEqual([2, OCI_INDEX])
      expect(document.manifests.map(({ digest }) => digest).sort()).toEqual([...referrers].sort())
      for (const type of new Set(document.manifests.map(({ artifactType }) => artifactType))) {
        const path = `referrers/${subject}?artifactType=${encodeURIComponent(type ?? '')}`
        const some = await must(client, 200, 'GET', path, { headers: { accept: OCI_INDEX } })
        expect(some.headers.get('content-type')).toBe(OCI_INDEX)
        expect(some.headers.get('oci-filters-applied')).toBe('artifactType')
        expect((JSON.parse(some.text) as ReferrersDocument).manifests).toEqual(
          document.manifests.filter(({ artifactType }) => artifactType === type),
        )
      }
    }
    const none = await must(client, 200, 'GET', `referrers/sha256:${'0'.repeat(64)}`)
    expect((JSON.parse(none.text) as ReferrersDocument).manifests).toEqual([])
  })

  test('delete takes a referrer off its subject’s list, and leaves what referred to it', async () => {
    const chain = [...layout.manifests.values()].find(({ digest, subject }) => {
      return subject !== undefined && layout.referrers.has(digest)
    })
    if (chain?.subject === undefined) throw new Error('the fixture has a referrer of a referrer')
    const remover = await logIn(server.url, repository, OWNER, [`repository:${repository}:delete,pull`])
    await must(remover, 202, 'DELETE', `manifests/${chain.digest}`)
    await must(remover, 404, 'HEAD', `manifests/${chain.digest}`)
    const listed = async (subject: string) =>
      (JSON.parse((await must(remover, 200, 'GET', `referrers/${subject}`)).text) as ReferrersDocument).manifests.map(
        ({ digest }) => digest,
      )
    expect(await listed(chain.subject)).not.toContain(chain.digest)
    expect((await listed(chain.digest)).sort()).toEqual([...(layout.referrers.get(chain.digest) ?? [])].sort())
  })
})
