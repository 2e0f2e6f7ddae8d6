// How registries really answer when they are asked for manifests: what a HEAD says is a hint, what a GET brings counts.
import { describe, expect, test } from 'bun:test'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import {
  type Answer,
  APP,
  failed,
  image,
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
const OTHER = image({ annotations: { other: 'yes' } })
const HTML = () => new Response('<html>', { headers: { 'content-type': 'text/html' } })

describe('a HEAD that fails where a GET does not', () => {
  test.each([400, 401, 403, 404, 405, 406, 410, 416, 418, 501])('%i: the GET decides', async (status) => {
    const { registry, reader } = setup(({ method }) =>
      method === 'HEAD' ? new Response(null, { status }) : served(IMAGE),
    )
    await using _ = registry
    expect(await reader.resolve({ tag: tagOf('1') })).toEqual(IMAGE.descriptor)
    expect(registry.lines().at(-1)).toBe('GET /v2/app/manifests/1')
  })

  test.each([204, 206])('%i is no answer to a HEAD of a manifest: the GET decides', async (status) => {
    const { registry, reader } = setup(({ method }) =>
      method === 'HEAD' ? new Response(null, { status }) : served(IMAGE),
    )
    await using _ = registry
    expect(await reader.resolve({ tag: tagOf('1') })).toEqual(IMAGE.descriptor)
  })

  test('a web page in place of the headers of a manifest: the GET decides', async () => {
    const { registry, reader } = setup(({ method }) => (method === 'HEAD' ? HTML() : served(IMAGE)))
    await using _ = registry
    expect(await reader.resolve({ tag: tagOf('1') })).toEqual(IMAGE.descriptor)
  })

  test('404 for both is absent', async () => {
    const { registry, reader } = setup(() => undefined)
    await using _ = registry
    expect(await reader.resolve({ tag: tagOf('1') })).toBeUndefined()
    expect(registry.lines()).toEqual(['HEAD /v2/app/manifests/1', 'GET /v2/app/manifests/1'])
  })

  test.each([429, 499, 500, 502, 503, 504, 522])('%i speaks of the registry: no GET on top of it', async (status) => {
    const { registry, reader } = setup(() => new Response(null, { status }))
    await using _ = registry
    expect((await failed(reader.resolve({ tag: tagOf('1') }))).code).toStartWith('UPSTREAM_')
    expect(new Set(registry.lines())).toEqual(new Set(['HEAD /v2/app/manifests/1']))
  })
})

test('the digest and size of the content itself are to be had without a HEAD', async () => {
  const { registry, reader } = setup(({ method }) =>
    method === 'HEAD' ? served(OTHER) : served(IMAGE, { 'docker-content-digest': OTHER.descriptor.digest }),
  )
  await using _ = registry
  expect((await reader.resolve({ tag: tagOf('1') }))?.digest).toBe(OTHER.descriptor.digest)
  expect(await reader.resolve({ tag: tagOf('1') }, { isRead: true })).toEqual(IMAGE.descriptor)
})

describe('the digest decides', () => {
  test('by digest alone, no size and no type that anybody names can be wrong', async () => {
    const { registry, reader } = setup(() => served(IMAGE))
    await using _ = registry
    const found = await reader.readManifest({ digest: IMAGE.descriptor.digest })
    expect([found?.descriptor, Buffer.from(found?.bytes ?? [])]).toEqual([IMAGE.descriptor, Buffer.from(IMAGE.bytes)])
  })

  test('a body that is said to be encoded and is not is taken, by digest and by tag', async () => {
    const { registry, reader } = setup(({ method }) =>
      method === 'HEAD' ? new Response(null, { status: 405 }) : served(IMAGE, { 'content-encoding': 'gzip' }),
    )
    await using _ = registry
    expect((await reader.readManifest({ digest: IMAGE.descriptor.digest }))?.descriptor).toEqual(IMAGE.descriptor)
    expect(await reader.resolve({ tag: tagOf('1') })).toEqual(IMAGE.descriptor)
  })

  test('an encoded body is never decoded: the error says so, by digest and by tag', async () => {
    const { registry, reader } = setup(({ method }) =>
      method === 'HEAD'
        ? new Response(null, { status: 405 })
        : new Response(Bun.gzipSync(IMAGE.bytes), {
            headers: { 'content-encoding': 'gzip', 'content-type': OCI_MANIFEST },
          }),
    )
    await using _ = registry
    for (const work of [reader.readManifest(IMAGE.descriptor), reader.resolve({ tag: tagOf('1') })]) {
      const error = await failed(work)
      expect([error.code, error.message]).toEqual([
        'UPSTREAM_INVALID',
        expect.stringContaining('Content-Encoding "gzip", want identity'),
      ])
    }
  })
})

describe('a body that breaks off', () => {
  /** Promises the whole body, and ends after 10 bytes. */
  const cut = () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(IMAGE.bytes.slice(0, 10))
          await Bun.sleep(0)
          controller.error(new Error('cut by the test'))
        },
      }),
      { headers: { 'content-type': OCI_MANIFEST, 'content-length': String(IMAGE.bytes.byteLength) } },
    )

  test('is asked for again from its start', async () => {
    let answers = 0
    const { registry, network, reader } = setup(() => (++answers < 4 ? cut() : served(IMAGE)))
    await using _ = registry
    expect((await reader.readManifest(IMAGE.descriptor))?.descriptor).toEqual(IMAGE.descriptor)
    expect([answers, network.http.inFlight]).toEqual([4, 0])
  })

  test('and always does is an error after a few', async () => {
    const { registry, network, reader } = setup(cut)
    await using _ = registry
    expect((await failed(reader.readManifest(IMAGE.descriptor))).code).toBe('UPSTREAM_UNAVAILABLE')
    expect([registry.asked.length <= 5, network.http.inFlight]).toEqual([true, 0])
  })
})
