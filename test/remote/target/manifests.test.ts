// Manifests are put once, and whoever asks for referrers finds them: by the API, or by the fallback tag.
import { describe, expect, test } from 'bun:test'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { referrersTag } from '../../../src/oci/reference.ts'
import { openRemoteTarget } from '../../../src/remote/remote-target.ts'
import { APP, type Content, content, failed, image, index, loopbackNetwork, OCI_INDEX } from '../scripted-registry.ts'
import { INDEX, type SmallRegistry, smallRegistry } from './small-registry.ts'
import { noSleep, targetMemory } from './target-memory.ts'

const open = (registry: SmallRegistry, memory = targetMemory(), network = loopbackNetwork()) =>
  openRemoteTarget(network, { url: registry.url }, APP, { memory, sleep: noSleep })

const manifestOf = ({ descriptor, bytes }: Content) => ({ descriptor, bytes })
const subject = image({ annotations: { of: 'subject' } })
const signature = (name: string) =>
  image({ artifactType: 'application/vnd.test.signature', subject: subject.descriptor, annotations: { name } })

function listed(
  registry: SmallRegistry,
  of: Digest,
): { digest: string; artifactType?: string; annotations?: object }[] {
  const found = registry.manifests.get(registry.tags.get(referrersTag(of)) ?? '')
  if (found === undefined) return []
  expect(found.type).toBe(INDEX)
  return JSON.parse(new TextDecoder().decode(found.bytes)).manifests
}

describe('manifests', () => {
  test('are put by digest, as they are, with their type, and not when they are there', async () => {
    await using registry = smallRegistry()
    const memory = targetMemory()
    const target = open(registry, memory)
    await target.writer.writeManifest(manifestOf(subject))
    expect(registry.lines()).toEqual([
      `HEAD /v2/app/manifests/${subject.descriptor.digest}`,
      `PUT /v2/app/manifests/${subject.descriptor.digest}`,
    ])
    expect(registry.seen[1]?.headers.get('content-type')).toBe(subject.descriptor.mediaType)
    expect(memory.hasManifest(subject.descriptor.digest)).toBe(true)
    expect(memory.hasBlob(digestOf('{}'))).toBe(true)
    await target.writer.writeManifest(manifestOf(subject))
    expect(registry.seen).toHaveLength(2)
    await open(registry).writer.writeManifest(manifestOf(subject))
    expect(registry.lines().at(-1)).toBe(`HEAD /v2/app/manifests/${subject.descriptor.digest}`)
  })

  test('that are stored as something else are an error', async () => {
    await using registry = smallRegistry({
      before: ({ method }) =>
        method === 'PUT'
          ? new Response(null, { status: 201, headers: { 'docker-content-digest': digestOf('other') } })
          : undefined,
    })
    const error = await failed(open(registry).writer.writeManifest(manifestOf(subject)))
    expect([error.code, error.message]).toEqual(['TARGET_INVALID', expect.stringContaining('stored as')])
  })

  test('whose blobs are not there after all are forgotten with them', async () => {
    await using registry = smallRegistry({
      before: ({ method }) =>
        method === 'PUT'
          ? Response.json({ errors: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown' }] }, { status: 400 })
          : undefined,
    })
    const memory = targetMemory()
    memory.noteBlob(digestOf('{}'))
    const error = await failed(open(registry, memory).writer.writeManifest(manifestOf(subject)))
    expect(error.code).toBe('TARGET_INVALID')
    expect(memory.hasBlob(digestOf('{}'))).toBe(false)
  })

  test('what the registry does not take is said', async () => {
    await using registry = smallRegistry({
      before: ({ method }) =>
        method === 'PUT'
          ? Response.json({ errors: [{ code: 'MANIFEST_INVALID', message: 'no' }] }, { status: 400 })
          : undefined,
    })
    const writer = open(registry).writer
    const sparse = index([subject.descriptor])
    const long = content(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
      OCI_INDEX,
      'sha512',
    )
    expect(await failed(writer.writeManifest(manifestOf(sparse)))).toMatchObject({
      code: 'TARGET_UNSUPPORTED',
      message: expect.stringContaining('it takes no index of which some manifests are not there'),
    })
    expect(await failed(writer.writeManifest(manifestOf(long)))).toMatchObject({
      code: 'TARGET_UNSUPPORTED',
      message: expect.stringContaining('it takes no sha512 digests'),
    })
  })
})

describe('referrers', () => {
  test('by the API: one question a pass', async () => {
    await using registry = smallRegistry({ hasReferrersApi: true })
    const { writer } = open(registry)
    for (const one of [subject, signature('a'), signature('b'), signature('c')])
      await writer.writeManifest(manifestOf(one))
    expect(registry.lines().filter((line) => line.includes('/referrers/'))).toHaveLength(1)
    expect(registry.tags.size).toBe(0)
  })

  test('without one: the fallback tag lists them, with type and annotations', async () => {
    await using registry = smallRegistry()
    const { writer } = open(registry)
    await writer.writeManifest(manifestOf(subject))
    const all = ['a', 'b', 'c', 'd', 'e'].map(signature)
    await Promise.all(all.map((one) => writer.writeManifest(manifestOf(one))))
    const entries = listed(registry, subject.descriptor.digest)
    expect(entries.map(({ digest }) => digest).sort()).toEqual(all.map(({ descriptor }) => descriptor.digest).sort())
    expect(entries[0]).toMatchObject({ artifactType: 'application/vnd.test.signature', annotations: expect.anything() })
  })

  test('what others have written stays, and what they write at the same time', async () => {
    const theirs = signature('theirs')
    const late = signature('late')
    let isLate = false
    await using registry = smallRegistry({
      before({ method, path }, _request, { manifests, tags }) {
        if (method !== 'PUT' || !path.includes('/manifests/sha256-') || isLate) return undefined
        isLate = true
        // Somebody else is faster, and the registry has heard of If-Match.
        put({ manifests, tags }, [theirs, late])
        return new Response(null, { status: 412 })
      },
    })
    const put = (at: Pick<SmallRegistry, 'manifests' | 'tags'>, all: readonly Content[]) => {
      for (const { descriptor, bytes } of all)
        at.manifests.set(descriptor.digest, { bytes, type: descriptor.mediaType })
      const list = content(
        {
          schemaVersion: 2,
          mediaType: OCI_INDEX,
          manifests: all.map(({ descriptor }) => descriptor),
          annotations: { kept: 'yes' },
        },
        OCI_INDEX,
      )
      at.manifests.set(list.descriptor.digest, { bytes: list.bytes, type: OCI_INDEX })
      at.tags.set(referrersTag(subject.descriptor.digest), list.descriptor.digest)
    }
    put(registry, [theirs])
    const mine = signature('mine')
    await open(registry).writer.writeManifest(manifestOf(mine))
    expect(listed(registry, subject.descriptor.digest).map(({ digest }) => digest)).toEqual(
      [theirs, late, mine].map(({ descriptor }) => descriptor.digest),
    )
    const puts = registry.seen.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/sha256-'))
    expect(puts.every(({ headers }) => headers.get('if-match')?.startsWith('"sha256:'))).toBe(true)
  })

  test('another index under the tag is left as it is', async () => {
    for (const foreign of [image(), index([image({ annotations: { a: 'b' } }).descriptor]), content('{"a":1}')]) {
      await using registry = smallRegistry()
      const tag = referrersTag(subject.descriptor.digest)
      const other = image({ annotations: { a: 'b' } })
      for (const { descriptor, bytes } of [foreign, other]) {
        registry.manifests.set(descriptor.digest, { bytes, type: descriptor.mediaType })
      }
      registry.tags.set(tag, foreign.descriptor.digest)
      const error = await failed(open(registry).writer.writeManifest(manifestOf(signature('a'))))
      expect([error.code, error.message]).toEqual(['TARGET_INVALID', expect.stringContaining('is left as it is')])
      expect(registry.tags.get(tag)).toBe(foreign.descriptor.digest)
    }
  })

  test('a registry that keeps nothing under the tag says so', async () => {
    await using registry = smallRegistry({
      before({ method, path }) {
        if (!path.includes('/manifests/sha256-')) return undefined
        if (method === 'PUT') return new Response(null, { status: 201 })
        // GitLab takes the tag for the subject itself.
        return new Response(subject.bytes, { headers: { 'content-type': subject.descriptor.mediaType } })
      },
    })
    const error = await failed(open(registry).writer.writeManifest(manifestOf(signature('a'))))
    expect([error.code, error.message]).toEqual([
      'TARGET_UNSUPPORTED',
      expect.stringContaining('lists no referrers by an API'),
    ])
  })

  test('are taken away, with their entries, and others stay', async () => {
    await using registry = smallRegistry()
    const { writer } = open(registry)
    const [a, b] = [signature('a'), signature('b')]
    for (const one of [subject, a, b]) await writer.writeManifest(manifestOf(one))
    expect(await writer.unlink([a.descriptor.digest])).toEqual([a.descriptor.digest])
    expect(registry.manifests.has(a.descriptor.digest)).toBe(false)
    expect(listed(registry, subject.descriptor.digest).map(({ digest }) => digest)).toEqual([b.descriptor.digest])
    await using keeps = smallRegistry({
      before: ({ method }) => (method === 'DELETE' ? new Response(null, { status: 405 }) : undefined),
    })
    const kept = open(keeps).writer
    for (const one of [subject, a]) await kept.writeManifest(manifestOf(one))
    expect(await kept.unlink([a.descriptor.digest])).toEqual([])
  })
})
