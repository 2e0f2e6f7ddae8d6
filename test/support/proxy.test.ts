import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type DockerRegistry, haveDockerRegistry, startDockerRegistry } from './docker-registry.ts'
import { digestOf } from './fixtures.ts'
import { type CountingProxy, countingProxy, type ProxyAction, type SeenRequest } from './proxy.ts'
import { expectStatus, registryClient } from './registry-client.ts'
import { classify } from './request-kind.ts'

setDefaultTimeout(60_000)

describe('the counting proxy', () => {
  test('names what a request is for, even when a repository is called blobs or manifests', () => {
    const cases: [string, string, string, string][] = [
      ['GET', '/v2/', 'ping', ''],
      ['GET', '/v2', 'ping', ''],
      ['GET', '/v2/a/b/tags/list?n=5', 'tags', ''],
      ['HEAD', '/v2/a/manifests/v1', 'manifest-head', 'v1'],
      ['GET', '/v2/blobs/manifests/sha256:00', 'manifest-get', 'sha256:00'],
      ['GET', '/v2/manifests/blobs/sha256%3A00', 'blob-get', 'sha256:00'],
      ['HEAD', '/v2/a/blobs/sha256:00', 'blob-head', 'sha256:00'],
      ['POST', '/v2/a/blobs/uploads/?mount=sha256:00&from=b', 'upload', ''],
      ['PUT', '/v2/a/blobs/uploads/123?digest=sha256:00', 'upload', ''],
      ['PUT', '/v2/a/manifests/v1', 'manifest-put', 'v1'],
      ['GET', '/v2/a/referrers/sha256:00?artifactType=x', 'referrers', 'sha256:00'],
      ['DELETE', '/v2/a/manifests/v1', 'delete', 'v1'],
      ['GET', '/v2/_catalog', 'catalog', ''],
      ['GET', '/token?service=x', 'token', ''],
      ['GET', '/healthz', 'other', ''],
    ]
    for (const [method, path, kind, reference] of cases) {
      expect([method, path, classify(method, path)]).toEqual([method, path, { kind, reference }] as never)
    }
  })

  test('lets the token realm and a paged Link go through itself', async () => {
    const target = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request): Response => {
        const { pathname } = new URL(request.url)
        const self = target.url.origin
        if (pathname === '/token') return Response.json({ token: 'good' })
        if (request.headers.get('authorization') !== 'Bearer good') {
          const challenge = `Bearer realm="${self}/token",service="s"`
          return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
        }
        const second = request.url.includes('last=')
        const headers: Record<string, string> = second ? {} : { link: `<${self}/v2/a/tags/list?last=one>; rel="next"` }
        return Response.json({ name: 'a', tags: [second ? 'two' : 'one'] }, { headers })
      },
    })
    const proxy = await countingProxy(target.url.origin)
    expect(await registryClient(proxy.url, 'a').listTags()).toEqual(['one', 'two'])
    expect(proxy.requests.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'tags 401',
      'token 200',
      'tags 200',
      'tags 200',
    ])
    await proxy.stop()
    await target.stop(true)
  })
})

describe.skipIf(!haveDockerRegistry)('the counting proxy in front of docker-registry', () => {
  const content = new Uint8Array(200_000).map((_, at) => at % 251)
  const digest = digestOf(content)
  let registry: DockerRegistry
  let proxy: CountingProxy
  let act: (request: SeenRequest) => ProxyAction | undefined = () => undefined
  const client = () => registryClient(proxy.url, 'team/app')
  const only = (kind: string, action: ProxyAction) => {
    act = (request) => (request.kind === kind ? action : undefined)
  }
  beforeAll(async () => {
    registry = await startDockerRegistry()
    proxy = await countingProxy(registry.url, { onRequest: (request) => act(request) })
  })
  afterAll(async () => {
    await proxy.stop()
    await registry.stop()
  })

  test('passes an upload and a download through unchanged and records each request', async () => {
    proxy.reset()
    await client().pushBlob(digest, content)
    expect(digestOf(expectStatus(await client().getBlob(digest), 'GET', 200).bytes)).toBe(digest)
    const lines = proxy.requests.map(({ method, kind, status }) => `${method} ${kind} ${status}`)
    expect(lines).toEqual(['HEAD blob-head 404', 'POST upload 202', 'PUT upload 201', 'GET blob-get 200'])
    expect([proxy.count(), proxy.count('upload')]).toEqual([4, 2])
    expect((await client().headBlob(digest)).headers.get('content-length')).toBe('200000')
  })

  test('flips a byte and truncates', async () => {
    only('blob-get', { flipByteAt: 150_000 })
    const flipped = await client().getBlob(digest)
    expect([...flipped.bytes.entries()].filter(([at, byte]) => byte !== content[at]).map(([at]) => at)).toEqual([
      150_000,
    ])
    only('blob-get', { truncateToBytes: 1000 })
    const short = await client().getBlob(digest)
    expect([short.bytes.length, short.headers.get('content-length')]).toEqual([1000, '1000'])
  })

  test('cuts the connection in the middle of a body', async () => {
    only('blob-get', { cutAfterBytes: 70_000 })
    await expect(client().getBlob(digest)).rejects.toThrow()
    act = () => undefined
    expect((await client().getBlob(digest)).bytes.length).toBe(200_000)
  })

  test('refuses with 429 and Retry-After, and the registry never sees the request', async () => {
    only('blob-get', { answer: { status: 429, headers: { 'retry-after': '7' } } })
    const answer = await client().getBlob(digest)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '7'])
  })

  test('slows a body and holds a request until the test opens the gate', async () => {
    only('blob-get', { bytesPerSecond: 1_000_000 })
    const begun = performance.now()
    await client().getBlob(digest)
    expect(performance.now() - begun).toBeGreaterThan(150)
    let open = () => {}
    only('blob-get', { until: new Promise<void>((resolve) => (open = resolve)) })
    proxy.reset()
    let done = false
    const held = client()
      .getBlob(digest)
      .then(() => {
        done = true
      })
    const seen = await proxy.seen(({ kind }) => kind === 'blob-get')
    expect([seen.reference, seen.status, done]).toEqual([digest, undefined, false])
    open()
    await held
    expect(seen.status).toBe(200)
  })
})
