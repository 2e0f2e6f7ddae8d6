import { describe, expect, test } from 'bun:test'
import { digestOf } from '../../src/oci/digest.ts'
import { openRemoteRegistry } from '../../src/remote/remote-registry.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import {
  type Answer,
  APP,
  collect,
  content,
  failed,
  image,
  index,
  loopbackNetwork,
  OCI_MANIFEST,
  scriptedRegistry,
  served,
  tagOf,
} from './scripted-registry.ts'

function setup(answer: Answer) {
  const registry = scriptedRegistry(answer)
  const network = loopbackNetwork({ idleTimeoutMs: 2000 })
  return { registry, network, reader: openRemoteRepository(network, { url: registry.url }, APP) }
}

const IMAGE = image()

describe('tags', () => {
  test('null, nulls, digests and impossible tags in a list are no tags', async () => {
    const lists = [{ tags: null }, { tags: [] }, { tags: ['a', null, `sha256:${'0'.repeat(64)}`, 'a/b', '', 7, 'b'] }]
    const { registry, reader } = setup(() => Response.json(lists.shift()))
    await using _ = registry
    const names = async () => (await collect(reader.listTags())).map(({ tag }) => String(tag))
    expect([await names(), await names(), await names()]).toEqual([[], [], ['a', 'b']])
  })

  test('the digest is told where the list has it (Artifact Registry)', async () => {
    const { registry, reader } = setup(() =>
      Response.json({ tags: ['a', 'b'], manifest: { [IMAGE.descriptor.digest]: { tag: ['a'] }, junk: null } }),
    )
    await using _ = registry
    expect(await collect(reader.listTags())).toEqual([
      { tag: tagOf('a'), digest: IMAGE.descriptor.digest },
      { tag: tagOf('b') },
    ])
  })

  test('pages are walked to the end, under the prefix of the upstream', async () => {
    await using registry = scriptedRegistry(({ path }) =>
      path.includes('last=b')
        ? Response.json({ tags: ['c'] })
        : Response.json(
            { tags: ['a', 'b'] },
            { headers: { link: '</v2/dhi/app/tags/list?n=1000&last=b>; rel="next"' } },
          ),
    )
    const reader = openRemoteRepository(loopbackNetwork(), { url: `${registry.url}/dhi` }, APP)
    expect((await collect(reader.listTags())).map(({ tag }) => String(tag))).toEqual(['a', 'b', 'c'])
    expect(registry.lines()).toEqual(['GET /v2/dhi/app/tags/list?n=1000', 'GET /v2/dhi/app/tags/list?n=1000&last=b'])
  })

  test.each([
    [404, 'UPSTREAM_NOT_FOUND'],
    [403, 'UPSTREAM_DENIED'],
    [429, 'UPSTREAM_RATE_LIMITED'],
    [500, 'UPSTREAM_UNAVAILABLE'],
    [418, 'UPSTREAM_INVALID'],
  ] as const)('%i is %s, naming host, repository and what the registry said', async (status, code) => {
    const { registry, reader } = setup(() =>
      Response.json({ errors: [{ code: 'SOME_CODE', message: 'so it is' }] }, { status }),
    )
    await using _ = registry
    const error = await failed(collect(reader.listTags()))
    const hint = code === 'UPSTREAM_DENIED' ? ' (it is not there, or not for these credentials)' : ''
    expect([error.code, error.message]).toEqual([
      code,
      `${new URL(registry.url).host}: app: tag list: answered ${status}: SOME_CODE: so it is${hint}`,
    ])
  })

  test('what is no tag list is refused, never taken for an empty one', async () => {
    for (const body of ['{"tags": "a"}', '<html>', '[]', '{}', 'null', '{"tags": {"a": 1}}']) {
      const { registry, reader } = setup(() => new Response(body))
      await using _ = registry
      expect((await failed(collect(reader.listTags()))).code).toBe('UPSTREAM_INVALID')
    }
  })

  test('a registry that asks for a pause is left alone for that long, and the pass goes on', async () => {
    let calls = 0
    const { registry, network, reader } = setup(() =>
      ++calls === 1
        ? new Response('slow down', { status: 429, headers: { 'retry-after': '17' } })
        : Response.json({ tags: ['a'] }),
    )
    await using _ = registry
    expect(await collect(reader.listTags())).toHaveLength(1)
    expect(Math.ceil((network.slept[0] ?? 0) / 1000)).toBe(17)
  })
})

describe('resolve', () => {
  test('is one HEAD that asks for every manifest type', async () => {
    const { registry, reader } = setup(() => served(IMAGE))
    await using _ = registry
    expect(await reader.resolve({ tag: tagOf('1') })).toEqual(IMAGE.descriptor)
    expect(registry.lines()).toEqual(['HEAD /v2/app/manifests/1'])
    expect(registry.asked[0]?.headers.get('accept')?.split(', ')).toHaveLength(7)
  })

  test('is undefined for 404, and an error for anything doubtful', async () => {
    let status = 404
    const { registry, reader } = setup(() => new Response(null, { status }))
    await using _ = registry
    expect(await reader.resolve({ tag: tagOf('1') })).toBeUndefined()
    for (status of [403, 429, 500])
      expect((await failed(reader.resolve({ tag: tagOf('1') }))).code).toStartWith('UPSTREAM_')
  })

  test.each([
    ['405', () => new Response(null, { status: 405 })],
    ['no digest', () => new Response(IMAGE.bytes, { headers: { 'content-type': OCI_MANIFEST } })],
    ['a digest of another kind', () => served(IMAGE, { 'docker-content-digest': 'md5:abc' })],
    ['another type', () => served(IMAGE, { 'content-type': 'application/json' })],
  ] as const)('falls back to GET when HEAD answers %s', async (_name, head) => {
    const { registry, reader } = setup(({ method }) =>
      method === 'HEAD' ? head() : served(IMAGE, { 'content-type': 'application/json', 'docker-content-digest': '' }),
    )
    await using _ = registry
    expect(await reader.resolve({ tag: tagOf('1') })).toEqual(IMAGE.descriptor)
    expect(registry.lines()).toEqual(['HEAD /v2/app/manifests/1', 'GET /v2/app/manifests/1'])
  })

  test('a web page in place of a manifest is an error', async () => {
    const { registry, reader } = setup(() => new Response('<html>', { headers: { 'content-type': 'text/html' } }))
    await using _ = registry
    expect((await failed(reader.resolve({ tag: tagOf('1') }))).message).toContain('text/html')
  })
})

describe('readManifest', () => {
  test('gives the exact bytes, in the algorithm of the digest', async () => {
    const odd = content(
      `{ "schemaVersion":2,\n "config":{"mediaType":"a/b","digest":"${digestOf('x')}","size":1},"layers":[] } `,
      OCI_MANIFEST,
      'sha512',
    )
    const { registry, reader } = setup(() => served(odd))
    await using _ = registry
    const manifest = await reader.readManifest(odd.descriptor)
    expect(Buffer.from(manifest?.bytes ?? [])).toEqual(Buffer.from(odd.bytes))
    expect(manifest?.descriptor).toEqual(odd.descriptor)
    expect(registry.lines()).toEqual([`GET /v2/app/manifests/${odd.descriptor.digest}`])
  })

  test('is undefined for 404', async () => {
    const { registry, reader } = setup(() => undefined)
    await using _ = registry
    expect(await reader.readManifest(IMAGE.descriptor)).toBeUndefined()
  })

  test('refuses other bytes, another size, an encoded body and more than 4 MiB', async () => {
    const other = image({ annotations: { a: 'b' } })
    const big = content(`{"x":"${'x'.repeat(4 * 1024 * 1024)}"}`)
    const lies: [() => Response, typeof IMAGE.descriptor, string][] = [
      [() => served(other, { 'docker-content-digest': IMAGE.descriptor.digest }), IMAGE.descriptor, 'hash to'],
      [() => served(IMAGE), { ...IMAGE.descriptor, size: 7 }, 'its descriptor says 7'],
      [
        () =>
          new Response(Bun.gzipSync(IMAGE.bytes), {
            headers: { 'content-encoding': 'gzip', 'content-type': OCI_MANIFEST },
          }),
        IMAGE.descriptor,
        'want identity',
      ],
      [() => served(big), big.descriptor, 'more than 4194304 bytes'],
    ]
    for (const [answer, descriptor, words] of lies) {
      const { registry, reader } = setup(answer)
      await using _ = registry
      const error = await failed(reader.readManifest(descriptor))
      expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining(words)])
    }
  })

  test('Docker schema 1 is named as what cannot be mirrored, by type and by body', async () => {
    const schema1 = content({ schemaVersion: 1, name: 'app', tag: '1', fsLayers: [], history: [] })
    for (const type of ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'application/json']) {
      const { registry, reader } = setup(() => new Response(schema1.bytes, { headers: { 'content-type': type } }))
      await using _ = registry
      const error = await failed(reader.readManifest(schema1.descriptor))
      expect([error.code, error.message]).toEqual(['UPSTREAM_UNSUPPORTED', expect.stringContaining('schema 1')])
    }
  })
})

describe('the catalog', () => {
  test('lists what lies under the prefix, without it', async () => {
    await using registry = scriptedRegistry(({ path }) =>
      path.includes('last=')
        ? Response.json({ repositories: ['dhi/c', 'z'] })
        : Response.json(
            { repositories: ['a', 'dhi/b', 'dhi/x/y'] },
            { headers: { link: '</v2/_catalog?n=1000&last=dhi%2Fx%2Fy>; rel="next"' } },
          ),
    )
    const names = (
      await collect(openRemoteRegistry(loopbackNetwork(), { url: `${registry.url}/dhi` }).listRepositories())
    ).map(String)
    expect(names).toEqual(['b', 'x/y', 'c'])
  })

  test('says so when there is none', async () => {
    await using registry = scriptedRegistry(() => undefined)
    const error = await failed(collect(openRemoteRegistry(loopbackNetwork(), { url: registry.url }).listRepositories()))
    expect([error.code, error.message]).toEqual(['UPSTREAM_UNSUPPORTED', expect.stringContaining('has no catalog')])
  })
})

test('every request is reported, and one signal ends them all', async () => {
  const stop = new AbortController()
  await using registry = scriptedRegistry(({ path }) =>
    path.includes('tags') ? Response.json({ tags: ['a'] }) : new Promise<Response>(() => stop.abort()),
  )
  const sent: string[] = []
  const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP, {
    onRequest: ({ method, status }) => sent.push(`${method} ${status}`),
  })
  await collect(reader.listTags())
  expect(sent).toEqual(['GET 200'])
  expect((await failed(reader.readManifest(index([]).descriptor, { signal: stop.signal }))).code).toBe('CANCELLED')
})
