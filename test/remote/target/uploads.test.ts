// How one blob is sent: by what the registry says, from where it says, to where it says.
import { describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { RegistryKind } from '../../../src/api/targets.ts'
import { fetchBlob } from '../../../src/mirror/pass/fetch-blob.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/reference.ts'
import { openRemoteTarget } from '../../../src/remote/remote-target.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { APP, failed, loopbackNetwork } from '../scripted-registry.ts'
import { type SmallRegistry, smallRegistry } from './small-registry.ts'
import { noSleep, targetMemory } from './target-memory.ts'

const MIB = 1024 * 1024

function blobOf(size: number) {
  const bytes = randomBytes(size)
  const digest: Digest = digestOf(bytes)
  const repository = memoryRepository({ tags: new Map(), manifests: new Map(), blobs: new Map([[digest, bytes]]) })
  return { bytes, blob: { mediaType: 'application/octet-stream', digest, size }, reader: repository.reader() }
}

const open = (registry: SmallRegistry, memory = targetMemory(), kind?: RegistryKind, network = loopbackNetwork()) =>
  openRemoteTarget(network, { url: registry.url }, APP, { memory, sleep: noSleep, kind })

const send = (target: ReturnType<typeof open>, { blob, reader }: ReturnType<typeof blobOf>) =>
  fetchBlob(blob, { reader, writer: target.writer, onBytes: () => {}, sleep: noSleep })

describe('one PUT with its length', () => {
  for (const size of [0, 1, 1000, 3 * MIB]) {
    test(`of ${size} bytes`, async () => {
      await using registry = smallRegistry()
      const one = blobOf(size)
      const memory = targetMemory()
      const target = open(registry, memory)
      expect(await send(target, one)).toBe(true)
      expect(Buffer.from(registry.blobs.get(one.blob.digest) ?? []).equals(one.bytes)).toBe(true)
      expect(registry.lines()).toEqual([
        `HEAD /v2/app/blobs/${one.blob.digest}`,
        'POST /v2/app/blobs/uploads/',
        `PUT /v2/app/blobs/uploads/u1?state=u1%2B1&digest=${encodeURIComponent(one.blob.digest)}`,
      ])
      expect(registry.seen.at(-1)?.headers.get('content-length')).toBe(String(size))
      expect(registry.seen.at(-1)?.headers.get('transfer-encoding')).toBeNull()
      expect(target.usage()).toMatchObject({ requests: 3, sentBytes: size })
      expect(memory.hasBlob(one.blob.digest)).toBe(true)
      expect(await send(open(registry, memory), one)).toBe(false)
      expect(await send(open(registry), one)).toBe(false)
      expect(registry.seen).toHaveLength(4)
    })
  }
})

describe('where the upload goes on', () => {
  const forms: Readonly<Record<string, (path: string, origin: string) => string>> = {
    absolute: (path, origin) => origin + path,
    'below the root': (path) => path,
    'relative to what was asked': (path) => path.slice(path.lastIndexOf('/') + 1),
    'a host without a scheme': (path, origin) => origin.slice('http://'.length) + path,
    'without its scheme': (path, origin) => origin.slice('http:'.length) + path,
  }
  for (const [name, location] of Object.entries(forms)) {
    test(name, async () => {
      const digest = blobOf(10)
      await using registry = smallRegistry({
        location: name === 'relative to what was asked' ? (path) => location(path, '') : location,
        // What is relative to an upload that goes on is so to the upload itself.
      })
      await send(open(registry), digest)
      expect(registry.blobs.size).toBe(1)
      expect(registry.lines().at(-1)).toContain('/uploads/u1?state=u1%2B1&digest=sha256%3A')
    })
  }

  test('at the storage behind the registry, without the login', async () => {
    await using storage = smallRegistry()
    await using registry = smallRegistry({
      before(seen) {
        if (seen.headers.has('authorization')) return undefined
        return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } })
      },
      location(path) {
        const id = /uploads\/([^?]+)/.exec(path)?.[1] ?? ''
        storage.uploads.set(id, new Uint8Array())
        return `${storage.url}/bucket/blobs/uploads/${id}?X-Signature=a%2Fb+c`
      },
    })
    const one = blobOf(2 * MIB)
    const endpoint = { url: registry.url, username: 'me', password: 'hunter2hunter2' }
    const target = openRemoteTarget(loopbackNetwork(), endpoint, APP, { memory: targetMemory(), sleep: noSleep })
    await send(target, one)
    expect(storage.blobs.has(one.blob.digest)).toBe(true)
    expect(storage.lines()).toEqual([
      `PUT /bucket/blobs/uploads/u1?X-Signature=a%2Fb+c&digest=${encodeURIComponent(one.blob.digest)}`,
    ])
    expect(storage.seen[0]?.headers.get('authorization')).toBeNull()
  })

  test('not at an address that may not be asked, nor at none', async () => {
    await using away = smallRegistry({ location: () => 'http://10.1.2.3/v2/app/blobs/uploads/x' })
    expect((await failed(send(open(away), blobOf(10)))).code).toBe('ADDRESS_NOT_ALLOWED')
    await using none = smallRegistry({ location: () => '' })
    expect((await failed(send(open(none), blobOf(10)))).code).toBe('TARGET_INVALID')
    await using other = smallRegistry({ location: () => 'ftp://127.0.0.1/x' })
    expect((await failed(send(open(other), blobOf(10)))).code).toBe('TARGET_INVALID')
  })
})

describe('what breaks is gone on with', () => {
  test('from the byte behind what the registry has', async () => {
    let puts = 0
    await using registry = smallRegistry({
      async before(seen, request, { uploads }) {
        if (seen.method !== 'PUT' || puts++ > 0) return undefined
        await request.arrayBuffer()
        // It has kept a part of what came before it failed.
        uploads.set('u1', one.bytes.subarray(0, MIB))
        return new Response('no', { status: 502 })
      },
    })
    const one = blobOf(3 * MIB)
    const target = open(registry)
    await send(target, one)
    expect(registry.blobs.has(one.blob.digest)).toBe(true)
    expect(
      registry.seen.map(({ method, headers }) => `${method} ${headers.get('content-range') ?? ''}`.trim()),
    ).toEqual(['HEAD', 'POST', 'PUT', 'GET', `PATCH ${MIB}-${3 * MIB - 1}`, 'PUT'])
  })

  test('also after 416, and from the start where nothing else helps', async () => {
    let patches = 0
    await using registry = smallRegistry({
      async before(seen, request, { uploads }) {
        if (seen.method === 'PATCH' && patches++ === 0) uploads.set('u1', one.bytes.subarray(0, 2 * MIB))
        if (seen.method !== 'PUT' || seen.path.includes('u2') || patches > 0) return undefined
        await request.arrayBuffer()
        uploads.set('u1', one.bytes.subarray(0, MIB))
        return new Response('no', { status: 500 })
      },
    })
    const one = blobOf(3 * MIB)
    await send(open(registry), one)
    expect(registry.blobs.has(one.blob.digest)).toBe(true)
    expect(
      registry.seen.map(({ method, headers }) => `${method} ${headers.get('content-range') ?? ''}`.trim()),
    ).toEqual([
      'HEAD',
      'POST',
      'PUT',
      'GET',
      `PATCH ${MIB}-${3 * MIB - 1}`,
      'GET',
      `PATCH ${2 * MIB}-${3 * MIB - 1}`,
      'PUT',
    ])
  })

  test('small ones from memory, and no more often than a request is tried', async () => {
    await using registry = smallRegistry({
      before: ({ method }) => (method === 'PUT' ? new Response('no', { status: 500 }) : undefined),
    })
    const error = await failed(send(open(registry), blobOf(1000)))
    expect(error.code).toBe('TARGET_UNAVAILABLE')
    expect(registry.lines().filter((line) => line.startsWith('PUT')).length).toBeLessThan(40)
  })

  test('a token that ends in the middle of an upload is renewed', async () => {
    let isExpired = false
    await using registry = smallRegistry({
      before(seen) {
        const { origin } = new URL(registry.url)
        if (seen.path.startsWith('/token')) {
          const token = isExpired ? 'second' : 'first'
          return Response.json({ token, expires_in: 3000 })
        }
        if (seen.method === 'PUT') isExpired = true
        if (seen.headers.get('authorization') === `Bearer ${isExpired ? 'second' : 'first'}`) return undefined
        const challenge = `Bearer realm="${origin}/token",service="s",scope="repository:app:pull,push"`
        return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
      },
    })
    const one = blobOf(2 * MIB)
    await send(open(registry), one)
    expect(registry.blobs.has(one.blob.digest)).toBe(true)
    const tokens = registry.lines().filter((line) => line.includes('/token'))
    expect(tokens).toHaveLength(2)
    expect(new URL(tokens[0]?.slice(4) ?? '', 'http://x').searchParams.getAll('scope')).toEqual([
      'repository:app:pull,push',
    ])
  })
})

describe('mounts', () => {
  const from = parseRepositoryName('team/base')
  const mounting = (status: number, headers: Record<string, string> = {}) =>
    smallRegistry({
      before(seen, _request, { uploads }) {
        if (seen.method !== 'POST' || !seen.path.includes('mount=')) return undefined
        if (status === 202) uploads.set('m1', new Uint8Array())
        return new Response(null, { status, headers })
      },
    })

  test('201: it is there, and nothing was sent', async () => {
    await using registry = mounting(201)
    const one = blobOf(1000)
    const memory = targetMemory()
    memory.mounts.set(one.blob.digest, [from])
    const target = open(registry, memory)
    expect(await target.writer.stageBlob(one.blob)).toBe('present')
    expect(registry.lines()[1]).toBe(
      `POST /v2/app/blobs/uploads/?mount=${encodeURIComponent(one.blob.digest)}&from=team%2Fbase`,
    )
    expect(target.usage()).toMatchObject({ mountsTried: 1, mountsDone: 1, sentBytes: 0 })
  })

  test('202: what it has begun is used', async () => {
    await using registry = mounting(202, { location: '/v2/app/blobs/uploads/m1' })
    const one = blobOf(1000)
    const target = open(registry)
    const sink = await target.writer.stageBlob(one.blob, { mountFrom: [from] })
    if (sink === 'present') throw new Error('want a sink')
    await sink.write(0, new Blob([one.bytes]).stream())
    await sink.commit()
    await sink.close()
    expect(registry.blobs.has(one.blob.digest)).toBe(true)
    expect(registry.lines().filter((line) => line.startsWith('POST'))).toHaveLength(1)
  })

  for (const status of [400, 401, 403, 404, 405]) {
    test(`${status}: sent, and not mounted from there again`, async () => {
      await using registry = mounting(status)
      const target = open(registry)
      for (const one of [blobOf(1000), blobOf(1001)]) {
        const sink = await target.writer.stageBlob(one.blob, { mountFrom: [from] })
        if (sink === 'present') throw new Error('want a sink')
        await sink.write(0, new Blob([one.bytes]).stream())
        await sink.commit()
      }
      expect(registry.blobs.size).toBe(2)
      expect(target.usage()).toMatchObject({ mountsTried: 1, mountsDone: 0 })
    })
  }

  test('not where the registry mounts only what a manifest names, unless that is known', async () => {
    await using registry = mounting(201)
    const [one, other] = [blobOf(1000), blobOf(1001)]
    const memory = targetMemory()
    memory.mounts.set(other.blob.digest, [from])
    const target = open(registry, memory, 'ecr')
    expect(await target.writer.stageBlob(one.blob, { mountFrom: [from] })).not.toBe('present')
    expect(await target.writer.stageBlob(other.blob)).toBe('present')
    expect(target.usage().mountsTried).toBe(1)
  })
})
