// The reader against Debian's docker-registry: https with a CA of its own, Basic authentication, no referrers API.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readBytes } from '../../src/net/bounded-body.ts'
import { failureReason } from '../../src/net/connection-failure.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { algorithmOf, type Digest, digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import type { RepositoryReader } from '../../src/oci/repository.ts'
import { openRemoteRegistry } from '../../src/remote/remote-registry.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import type { UpstreamEndpoint } from '../../src/remote/upstream.ts'
import { type DockerRegistry, haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import {
  describeWithFixtures,
  fallbackTagOf,
  fixtureLayout,
  isFallbackTag,
  type Layout,
  makeLayout,
} from '../support/fixtures.ts'
import { withoutTags } from '../support/layout-selection.ts'
import { pushLayout } from '../support/push-layout.ts'
import { collect, failed, image, index, loopbackNetwork, tagOf } from './scripted-registry.ts'

const CREDENTIALS = { username: 'reader', password: 'correct horse' }
let registry: DockerRegistry
let endpoint: UpstreamEndpoint

beforeAll(async () => {
  if (!haveDockerRegistry) throw new Error('docker-registry is not installed: run scripts/install-test-packages')
  registry = await startDockerRegistry({ tls: true, credentials: CREDENTIALS })
  endpoint = { url: registry.url, ...CREDENTIALS, ...(registry.ca === undefined ? {} : { ca: registry.ca }) }
})
afterAll(async () => await registry?.stop())

const push = (layout: Layout, repository: string, skipTags: readonly string[] = []) =>
  pushLayout(layout, registry.url, repository, { credentials: CREDENTIALS, ca: registry.ca, skipTags })

const reader = (repository: string, network = loopbackNetwork()) =>
  openRemoteRepository(network, endpoint, parseRepositoryName(repository))

/** A small image in two platforms, an SBOM on one of them and a signature on that, put together here. */
function smallLayout(): Layout {
  const layer = new TextEncoder().encode('a layer')
  const layerDescriptor = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: digestOf(layer),
    size: layer.byteLength,
  }
  const [amd64, arm64] = ['amd64', 'arm64'].map((name) => image({ layers: [layerDescriptor], annotations: { name } }))
  if (amd64 === undefined || arm64 === undefined) throw new Error('want two images')
  const list = index([amd64.descriptor, arm64.descriptor])
  const sbom = image({ artifactType: 'application/spdx+json', subject: amd64.descriptor })
  const signature = image({
    artifactType: 'application/vnd.test.signature',
    subject: sbom.descriptor,
    annotations: { by: 'me' },
  })
  const manifests = [amd64, arm64, list, sbom, signature].map((content) => {
    const parsed = parseManifest(content.bytes)
    return {
      digest: content.descriptor.digest,
      mediaType: content.descriptor.mediaType,
      bytes: content.bytes,
      artifactType: parsed.artifactType,
      annotations: parsed.annotations,
      subject: parsed.subject?.digest,
      tags: content === list ? ['1.0'] : [],
      children: parsed.children.map(({ digest }) => digest),
      blobs: [...new Set([parsed.config, ...parsed.layers].flatMap((blob) => blob?.digest ?? []))],
      predicateType: undefined,
      note: undefined,
    }
  })
  return makeLayout({
    name: 'small',
    directory: '',
    tags: new Map([['1.0', list.descriptor.digest]]),
    manifests: new Map(manifests.map((manifest) => [manifest.digest, manifest])),
    blobs: new Map([
      [layerDescriptor.digest, layer],
      [digestOf('{}'), new TextEncoder().encode('{}')],
    ]),
    referencedButAbsent: new Map(),
  })
}

/** Reads all that can be reached from the tags, and holds each byte against the layout. */
async function expectAll(source: RepositoryReader, layout: Layout) {
  const tags = (await collect(source.listTags())).map(({ tag }) => String(tag))
  const subjects = [...layout.referrers.keys()].map(fallbackTagOf)
  expect(tags.filter((tag) => !subjects.includes(tag)).sort()).toEqual(
    [...layout.tags.keys()].filter((tag) => !subjects.includes(tag)).sort(),
  )
  const seen = new Set<string>()
  const blobs = new Map<string, Descriptor>()
  const visit = async (descriptor: Descriptor): Promise<void> => {
    if (seen.has(descriptor.digest)) return
    seen.add(descriptor.digest)
    const want = layout.manifests.get(descriptor.digest)
    if (want === undefined) throw new Error(`${descriptor.digest} is not in the layout`)
    const got = await source.readManifest(descriptor)
    expect(Buffer.from(got?.bytes ?? []).equals(Buffer.from(want.bytes))).toBe(true)
    const parsed = parseManifest(want.bytes, want.mediaType)
    for (const child of parsed.children) {
      if (layout.manifests.has(child.digest)) await visit(child)
      else blobs.set(child.digest, child)
    }
    for (const blob of [parsed.config, ...parsed.layers]) if (blob) blobs.set(blob.digest, blob)
    const list = await source.listReferrers(descriptor)
    if (list === 'unchanged') throw new Error('want a list')
    const referrers = await collect(list.items)
    expect(referrers.map(({ digest }) => digest as string).sort()).toEqual(
      [...(layout.referrers.get(descriptor.digest) ?? [])].sort(),
    )
    for (const referrer of referrers) {
      expect(referrer.artifactType).toBe(layout.manifests.get(referrer.digest)?.artifactType)
      await visit(referrer)
    }
  }
  for (const [tag, digest] of layout.tags) {
    if (subjects.includes(tag)) continue
    const descriptor = await source.resolve({ tag: tagOf(tag) })
    const want = layout.manifests.get(digest)
    expect(descriptor).toEqual({
      mediaType: want?.mediaType ?? '',
      digest: digest as Digest,
      size: want?.bytes.byteLength ?? -1,
    })
    if (descriptor !== undefined) await visit(descriptor)
  }
  for (const [digest, blob] of blobs) {
    if (!layout.blobs.has(digest)) continue
    const { stream, offset } = await source.openBlob(blob)
    const bytes = await readBytes({ body: stream }, blob.size, 'blob')
    expect([
      offset,
      `${algorithmOf(blob.digest)}:${createHash(algorithmOf(blob.digest)).update(bytes).digest('hex')}`,
    ]).toEqual([0, digest])
  }
  return { seen, blobs }
}

describe('a real registry without the referrers API', () => {
  test('everything of an image is read: tags, children, blobs, referrers of referrers', async () => {
    const layout = smallLayout()
    await push(layout, 'small')
    const { seen } = await expectAll(reader('small'), layout)
    expect(seen.size).toBe(5)
  })

  test('a part of a blob is what was asked for', async () => {
    const layout = smallLayout()
    await push(layout, 'ranges')
    const blob = { mediaType: 'application/octet-stream', digest: digestOf('a layer'), size: 7 }
    const body = await reader('ranges').openBlob(blob, { offset: 2, length: 3 })
    expect([body.offset, body.length, body.totalBytes]).toEqual([2, 3, 7])
    expect(new TextDecoder().decode(await readBytes({ body: body.stream }, 10, 'blob'))).toBe('lay')
  })

  test('what is absent is undefined for manifests, and UPSTREAM_NOT_FOUND for blobs and repositories', async () => {
    await push(smallLayout(), 'absent')
    const source = reader('absent')
    expect(await source.resolve({ tag: tagOf('nope') })).toBeUndefined()
    expect(await source.readManifest(index([{ nobody: 'has this' }]).descriptor)).toBeUndefined()
    expect((await failed(source.openBlob({ mediaType: 'a/b', digest: digestOf('nobody'), size: 6 }))).code).toBe(
      'UPSTREAM_NOT_FOUND',
    )
    const error = await failed(collect(reader('no/such').listTags()))
    expect([error.code, error.message]).toEqual([
      'UPSTREAM_NOT_FOUND',
      expect.stringContaining('no/such: tag list: answered 404: NAME_UNKNOWN'),
    ])
    expect((await failed(reader('no/such').listReferrers(image().descriptor))).code).toBe('UPSTREAM_NOT_FOUND')
  })

  test('a pass that finds nothing new: one tag list, one HEAD for each tag and fallback tag, and nothing else', async () => {
    const layout = smallLayout()
    await push(layout, 'noop')
    const network = loopbackNetwork()
    const known = new Map<string, string>()
    const pass = async () => {
      const sent: string[] = []
      const source = openRemoteRepository(network, endpoint, parseRepositoryName('noop'), {
        onRequest: ({ method, target }) => sent.push(`${method} ${target.slice(target.indexOf('/v2/'))}`),
      })
      for await (const { tag } of source.listTags()) if (!isFallbackTag(tag)) await source.resolve({ tag })
      for (const { digest, mediaType, bytes } of layout.manifests.values()) {
        const before = known.get(digest)
        const list = await source.listReferrers(
          { digest: digest as Digest, mediaType, size: bytes.byteLength },
          before === undefined ? {} : { known: before },
        )
        if (list !== 'unchanged' && list.version !== undefined) known.set(digest, list.version)
      }
      return sent
    }
    expect(await pass()).toContain(`GET /v2/noop/referrers/${[...layout.manifests.keys()][0]}`)
    const fallbackTags = [...layout.referrers.keys()].map(fallbackTagOf)
    expect((await pass()).sort()).toEqual(
      [
        'GET /v2/noop/tags/list',
        'HEAD /v2/noop/manifests/1.0',
        ...fallbackTags.map((tag) => `HEAD /v2/noop/manifests/${tag}`),
      ].sort(),
    )
  })

  test('the catalog lists the repositories', async () => {
    await push(smallLayout(), 'catalog/one')
    await push(smallLayout(), 'catalog/two')
    const names = await collect(
      openRemoteRegistry(loopbackNetwork(), { ...endpoint, url: `${endpoint.url}/catalog` }).listRepositories(),
    )
    expect(names.map(String)).toEqual(['one', 'two'])
  })

  test('without credentials, with wrong ones and without the CA it is refused, each in its own words', async () => {
    const { username: _u, password: _p, ...anonymous } = endpoint
    const name = parseRepositoryName('small')
    const listWith = (other: UpstreamEndpoint) =>
      failed(collect(openRemoteRepository(loopbackNetwork(), other, name).listTags()))
    expect((await listWith(anonymous)).message).toContain('answered 401: UNAUTHORIZED')
    const wrong = await listWith({ ...endpoint, password: 'wrong horse' })
    expect([wrong.code, wrong.message]).toEqual(['UPSTREAM_DENIED', expect.not.stringContaining('horse')])
    const { ca: _ca, ...untrusting } = endpoint
    expect(failureReason(await listWith(untrusting))).toBe('tls')
  })
})

describeWithFixtures('the fixtures in a real registry', () => {
  /** docker-registry 2.8.2 refuses these (see the README of the fixtures). */
  const REFUSED = [
    'sparse-index',
    'oci-artifact-manifest',
    'sha512',
    'index-sha512-child',
    'non-distributable',
    'docker-foreign-layer',
  ]

  test.each(['oras-tree', 'cosign-tags', 'cosign-bundle', 'notation', 'helm-chart', 'referrers-fallback-tags'])(
    '%s is read whole',
    async (name) => {
      const layout = fixtureLayout(name)
      await push(layout, `fixtures/${name}`)
      const { seen } = await expectAll(reader(`fixtures/${name}`), layout)
      const lists = [...layout.tags].filter(([tag]) => isFallbackTag(tag)).map(([, digest]) => digest)
      expect([...layout.manifests.keys()].filter((digest) => !seen.has(digest) && !lists.includes(digest))).toEqual([])
    },
  )

  test('formats: odd but legal content is read byte for byte', async () => {
    const layout = withoutTags(fixtureLayout('formats'), REFUSED)
    await push(layout, 'fixtures/formats')
    await expectAll(reader('fixtures/formats'), layout)
  })
})
