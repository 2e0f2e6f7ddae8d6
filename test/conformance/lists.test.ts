// Distribution 1.1 "Listing Tags", "Listing Referrers", and Docker's `_catalog`.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  type Answer,
  describeContent,
  freshContent,
  OCI_INDEX,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  pushImage,
} from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OciRequests
beforeAll(async () => {
  server = await startServer()
  client = ociRequests(server.url, 'acme/lists', OWNER)
})
afterAll(() => server.stop())

const bodyOf = <T>(answer: Answer): T => JSON.parse(new TextDecoder().decode(answer.bytes))
const nextOf = (answer: Answer) => /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]

describe('Listing tags (end-8)', () => {
  const tags = ['B', 'Z', '_x', 'a', 'a-1', 'a.1', 'b']
  beforeAll(async () => {
    const { manifest } = await pushImage(client)
    const path = `manifests/${manifest.digest}?${[...tags]
      .reverse()
      .map((tag) => `tag=${tag}`)
      .join('&')}`
    await client.send('PUT', path, { headers: { 'content-type': OCI_MANIFEST }, body: manifest.bytes })
  })

  test('tags are in ASCII order, under the repository’s name, without Link', async () => {
    const answer = await client.send('GET', 'tags/list')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('link')).toBeNull()
    expect(bodyOf<unknown>(answer)).toEqual({ name: 'acme/lists', tags })
  })

  test('n pages by a relative Link that leads through all tags, once each', async () => {
    for (const n of [1, 2, 3, 7, 100_000]) {
      const seen: string[] = []
      let path: string | undefined = `tags/list?n=${n}`
      while (path !== undefined) {
        const answer: Answer = await client.send('GET', path)
        const page = bodyOf<{ tags: string[] }>(answer).tags
        expect(page.length).toBeLessThanOrEqual(n)
        seen.push(...page)
        path = nextOf(answer)
        if (path !== undefined) expect(path).toStartWith('/v2/acme/lists/tags/list?')
      }
      expect(seen).toEqual(tags)
    }
  })

  test('last is exclusive, needs no n and need not exist', async () => {
    for (const last of [...tags, 'a-2', '0', 'zzz']) {
      const answer = await client.send('GET', `tags/list?last=${last}`)
      expect(bodyOf<{ tags: string[] }>(answer).tags).toEqual(tags.filter((tag) => tag > last))
    }
  })

  test('n=0 is an empty list without Link, a malformed n is 400', async () => {
    const none = await client.send('GET', 'tags/list?n=0')
    expect([none.status, bodyOf<{ tags: string[] }>(none).tags, nextOf(none)]).toEqual([200, [], undefined])
    for (const n of ['-1', 'x', '1.5', '', '1e3', '9'.repeat(30)]) {
      const answer = await client.send('GET', `tags/list?n=${n}`)
      expect([n, answer.status, answer.code]).toEqual([n, 400, 'PAGINATION_NUMBER_INVALID'])
    }
  })

  test('a repository without tags has the list [], an absent one is 404 NAME_UNKNOWN', async () => {
    await client.in('acme/tagless').pushBlob(freshContent(10))
    expect(bodyOf<unknown>(await client.in('acme/tagless').send('GET', 'tags/list'))).toEqual({
      name: 'acme/tagless',
      tags: [],
    })
    const absent = await client.in('acme/absent').send('GET', 'tags/list')
    expect([absent.status, absent.code]).toEqual([404, 'NAME_UNKNOWN'])
  })
})

describe('Listing referrers (end-12)', () => {
  interface Index {
    schemaVersion: number
    mediaType: string
    manifests: { digest: string; artifactType?: string; annotations?: Record<string, string>; size: number }[]
  }
  const list = async (digest: string, query = '', on = client) => {
    const answer = await on.send('GET', `referrers/${digest}${query}`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe(OCI_INDEX)
    const index = bodyOf<Index>(answer)
    expect([index.schemaVersion, index.mediaType]).toEqual([2, OCI_INDEX])
    return { answer, manifests: index.manifests }
  }

  test('an unknown subject and an unknown repository have the empty index, never 404', async () => {
    const digest = freshContent(10).digest
    expect((await list(digest)).manifests).toEqual([])
    expect((await list(digest, '', client.in('acme/never-pushed'))).manifests).toEqual([])
    expect((await list(digest, '?artifactType=a/b')).manifests).toEqual([])
    expect(
      (await server.db.read.selectFrom('repositories').select('name').execute()).map((row) => row.name),
    ).not.toContain('acme/never-pushed')
  })

  test('a malformed digest is 400 DIGEST_INVALID', async () => {
    for (const digest of ['sha256:bad', 'latest', 'md5:0']) {
      const answer = await client.send('GET', `referrers/${digest}`)
      expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID'])
    }
  })

  for (const algorithm of ['sha256', 'sha512'] as const) {
    test(`type, annotations and size are the manifest’s own, filtered when asked (${algorithm})`, async () => {
      const { descriptor: subject } = await pushImage(client, { algorithm })
      const annotations = { 'org.example.kind': 'sbom' }
      const typed = await pushImage(client, {
        algorithm,
        extra: { subject, artifactType: 'application/vnd.example.sbom', annotations },
      })
      const untyped = await pushImage(client, { extra: { subject } })
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], subject }
      const listed = await client.pushManifest(index, OCI_INDEX)

      const { answer, manifests } = await list(subject.digest)
      expect(answer.headers.get('oci-filters-applied')).toBeNull()
      expect(new Map(manifests.map((item) => [item.digest, item] as const))).toEqual(
        new Map<string, unknown>([
          [typed.manifest.digest, { ...typed.descriptor, artifactType: 'application/vnd.example.sbom', annotations }],
          [
            untyped.manifest.digest,
            { ...untyped.descriptor, artifactType: 'application/vnd.oci.image.config.v1+json' },
          ],
          [listed.digest, describeContent(listed, OCI_INDEX)],
        ]) as never,
      )
      const filtered = await list(subject.digest, `?artifactType=${encodeURIComponent('application/vnd.example.sbom')}`)
      expect(filtered.answer.headers.get('oci-filters-applied')).toBe('artifactType')
      expect(filtered.manifests.map((item) => item.digest)).toEqual([typed.manifest.digest])
    })
  }

  test('referrers pushed before their subject, and left after it, are listed; a deleted one is not', async () => {
    const later = await pushImage(client.in('acme/elsewhere'))
    const one = await pushImage(client, { extra: { subject: later.descriptor } })
    const two = await pushImage(client, { extra: { subject: later.descriptor } })
    const digests = async () => (await list(later.manifest.digest)).manifests.map((item) => item.digest)
    expect(await digests()).toEqual([one.manifest.digest, two.manifest.digest].sort())
    expect((await client.send('DELETE', `manifests/${one.manifest.digest}`)).status).toBe(202)
    expect(await digests()).toEqual([two.manifest.digest])
    // In the repository where the subject was pushed nothing refers to it.
    expect((await list(later.manifest.digest, '', client.in('acme/elsewhere'))).manifests).toEqual([])
  })

  test('more than 4 MiB of descriptors come in pages under 4 MiB that lead through all of them', async () => {
    const { descriptor: subject } = await pushImage(client)
    const annotations = { text: 'x'.repeat(600_000) }
    const pushed: string[] = []
    for (let i = 0; i < 9; i++) {
      const extra = { subject, annotations: { ...annotations, i: String(i) }, artifactType: 'a/b' }
      pushed.push((await pushImage(client, { extra })).manifest.digest)
    }
    for (const query of ['', '?artifactType=a%2Fb', '?n=2']) {
      const seen: string[] = []
      let path: string | undefined = `referrers/${subject.digest}${query}`
      while (path !== undefined) {
        const answer: Answer = await client.send('GET', path)
        expect(answer.bytes.byteLength).toBeLessThan(4 * 1024 * 1024)
        if (query.includes('artifactType')) expect(answer.headers.get('oci-filters-applied')).toBe('artifactType')
        seen.push(...bodyOf<Index>(answer).manifests.map((item) => item.digest))
        path = nextOf(answer)
      }
      expect(seen).toEqual([...pushed].sort())
    }
  })
})

describe('The catalog, by rights', () => {
  test('people see their organizations’ repositories and public ones, in pages, anonymous callers public ones', async () => {
    const stranger = await server.addUser('stranger', { other: 'owner' })
    await ociRequests(server.url, 'other/private', stranger).pushBlob(freshContent(5))
    await ociRequests(server.url, 'other/public', stranger).pushBlob(freshContent(5))
    await server.setRepository('other/public', { visibility: 'public' })
    const names = async (who: OciRequests, path = '/v2/_catalog') =>
      bodyOf<{ repositories: string[] }>(await who.send('GET', path)).repositories
    const own = await names(client)
    expect(own).toContain('acme/lists')
    expect(own).toContain('other/public')
    expect(own).not.toContain('other/private')
    expect(await names(ociRequests(server.url, 'other/x', stranger))).toEqual(['other/private', 'other/public'])

    const paged: string[] = []
    for (let path: string | undefined = '/v2/_catalog?n=1'; path !== undefined; ) {
      const answer: Answer = await client.send('GET', path)
      paged.push(...bodyOf<{ repositories: string[] }>(answer).repositories)
      path = nextOf(answer)
    }
    expect(paged).toEqual(own)

    const anonymous = ociRequests(server.url, 'x/y', null)
    const challenged = await anonymous.send('GET', '/v2/_catalog')
    expect(challenged.status).toBe(401)
    expect(challenged.headers.get('www-authenticate')).toContain('scope="registry:catalog:*"')
    const token = await anonymous.send('GET', '/token?service=kagami&scope=registry:catalog:*')
    const bearer = bodyOf<{ token: string }>(token).token
    expect(await names(ociRequests(server.url, 'x/y', { bearer }))).toEqual(['other/public'])
  })
})
