// Registries that break, refuse for a while, and cut uploads: what is sent goes on from where it came, and ends up whole.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { isAppError } from '../../../src/errors.ts'
import { fetchBlob } from '../../../src/mirror/pass/fetch-blob.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/reference.ts'
import { openRemoteTarget } from '../../../src/remote/remote-target.ts'
import { compareMirror } from '../../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout } from '../../support/fixtures.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { countingProxy, type ProxyAction, type SeenRequest } from '../../support/proxy.ts'
import { OWNER, startServer, type TestServer } from '../../support/server.ts'
import { failed, loopbackNetwork } from '../scripted-registry.ts'
import { noSleep, pushThrough, targetMemory } from './target-memory.ts'

let docker: DockerRegistry
let kagami: TestServer
beforeAll(async () => {
  docker = await startDockerRegistry()
  kagami = await startServer()
})
afterAll(async () => {
  await docker?.stop()
  await kagami?.stop()
})

interface Place {
  readonly url: string
  readonly prefix: string
  readonly credentials: { readonly username: string; readonly password: string } | undefined
}

const places: Readonly<Record<'docker-registry' | 'Kagami', () => Place>> = {
  'docker-registry': () => ({ url: docker.url, prefix: 'team', credentials: undefined }),
  Kagami: () => ({ url: kagami.url, prefix: 'acme', credentials: OWNER }),
}

const open = (url: string, place: Place, repository: string, memory = targetMemory()) =>
  openRemoteTarget(
    loopbackNetwork(),
    { url: `${url}/${place.prefix}`, ...place.credentials },
    parseRepositoryName(repository),
    { memory, sleep: noSleep },
  )

/** What a registry can be asked, once each. */
const stepOf = ({ method, kind, path }: SeenRequest) =>
  `${method} ${path.includes('/uploads') ? 'upload' : kind}${/manifests\/sha256-/.test(path) ? ' fallback' : ''}`

describeWithFixtures('each step fails once', () => {
  const faults: Readonly<Record<string, ProxyAction>> = {
    '429': { answer: { status: 429, headers: { 'retry-after': '2' }, body: 'slow down' } },
    '500': { answer: { status: 500, body: 'oops' } },
    '503 that asks for nothing': { answer: { status: 503 } },
    'a cut answer': { cutAfterBytes: 1 },
    'a lost answer': { loseAnswer: true },
  }
  for (const [name, placeOf] of Object.entries(places)) {
    for (const [fault, action] of Object.entries(faults)) {
      test(`${name}: ${fault}`, async () => {
        const layout = fixtureLayout('oras-tree')
        const place = placeOf()
        const failedSteps = new Set<string>()
        const proxy = await countingProxy(place.url, {
          onRequest(seen) {
            const step = stepOf(seen)
            if (failedSteps.has(step) || seen.method === 'DELETE') return undefined
            failedSteps.add(step)
            return action
          },
        })
        try {
          const repository = `steps-${fault.replace(/[^a-z0-9]+/g, '-')}`
          const outcomes = await pushThrough(open(proxy.url, place, repository), layout)
          // A tag whose PUT was answered by nobody may have moved by the first try.
          expect(outcomes.filter(({ result }) => result !== 'moved' && result !== 'unchanged')).toEqual([])
          const compared = { ...place, repository: `${place.prefix}/${repository}` }
          expect(await compareMirror(layout, compared, { referrers: 'either' })).toEqual([])
          expect(failedSteps.size).toBeGreaterThan(6)
        } finally {
          await proxy.stop()
        }
      })
    }
  }
})

const MIB = 1024 * 1024

function largeBlob(size: number) {
  const bytes = randomBytes(size)
  const digest: Digest = digestOf(bytes)
  const repository = memoryRepository({ tags: new Map(), manifests: new Map(), blobs: new Map([[digest, bytes]]) })
  return { bytes, blob: { mediaType: 'application/octet-stream', digest, size }, reader: repository.reader() }
}

describe('a large blob', () => {
  for (const [name, placeOf] of Object.entries(places)) {
    for (const upload of ['put', 'patch', 'chunks'] as const) {
      test(`${name}: by ${upload}`, async () => {
        const { blob, reader } = largeBlob(5 * MIB)
        const place = placeOf()
        const target = openRemoteTarget(
          loopbackNetwork(),
          { url: `${place.url}/${place.prefix}`, ...place.credentials },
          parseRepositoryName(`by-${upload}`),
          { memory: targetMemory(), sleep: noSleep, traits: { upload, chunkBytes: 2 * MIB } },
        )
        await fetchBlob(blob, { reader, writer: target.writer, onBytes: () => {}, sleep: noSleep })
        const got = await target.reader.openBlob(blob)
        expect(digestOf(new Uint8Array(await new Response(got.stream).arrayBuffer()))).toBe(blob.digest)
        expect(target.usage().sentBytes).toBe(blob.size)
      })
    }
  }

  for (const [name, placeOf] of Object.entries(places)) {
    test(`${name}: broken in the middle, it is gone on with`, async () => {
      const { blob, reader } = largeBlob(24 * MIB)
      const place = placeOf()
      let cuts = 0
      const proxy = await countingProxy(place.url, {
        onRequest: ({ method, path }) =>
          method !== 'POST' && path.includes('/uploads/') && (method === 'PUT' || method === 'PATCH') && cuts++ < 2
            ? { cutRequestAfterBytes: 8 * MIB }
            : undefined,
      })
      try {
        const target = open(proxy.url, place, 'large')
        expect(await fetchBlob(blob, { reader, writer: target.writer, onBytes: () => {}, sleep: noSleep })).toBe(true)
        const got = await target.reader.openBlob(blob)
        expect(digestOf(new Uint8Array(await new Response(got.stream).arrayBuffer()))).toBe(blob.digest)
      } finally {
        await proxy.stop()
      }
    })
  }

  test('of 256 MiB is never held', async () => {
    const { url, prefix } = places['docker-registry']()
    const sender = Bun.spawn([process.execPath, `${import.meta.dir}/send-huge.ts`, `${url}/${prefix}`], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    const grown = Number(await new Response(sender.stdout).text())
    expect(await sender.exited).toBe(0)
    expect(grown).toBeLessThan(100 * MIB)
  })

  test('that is not its digest never gets to the end', async () => {
    const { blob, bytes } = largeBlob(2 * MIB)
    const place = places.Kagami()
    const other = Buffer.from(bytes)
    other[MIB] = (other[MIB] ?? 0) ^ 1
    const reader = memoryRepository({
      tags: new Map(),
      manifests: new Map(),
      blobs: new Map([[blob.digest, other]]),
    }).reader()
    const target = open(place.url, place, 'wrong')
    const error = await failed(fetchBlob(blob, { reader, writer: target.writer, onBytes: () => {}, sleep: noSleep }))
    expect(error.code).toBe('DIGEST_INVALID')
    expect(await target.writer.stageBlob(blob)).not.toBe('present')
  })

  test('is given up when it is cancelled', async () => {
    const { blob, reader } = largeBlob(16 * MIB)
    const place = places.Kagami()
    const ended = new AbortController()
    const target = open(place.url, place, 'cancelled')
    let bytes = 0
    const work = fetchBlob(blob, {
      reader,
      writer: target.writer,
      sleep: noSleep,
      signal: ended.signal,
      onBytes(count) {
        bytes += count
        if (bytes > 4 * MIB) ended.abort()
      },
    })
    const error = await work.catch((thrown) => thrown)
    expect(isAppError(error, 'CANCELLED')).toBe(true)
    expect(bytes).toBeLessThan(blob.size)
  })
})
