import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { compareMirror } from './compare.ts'
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts'
import { describeWithFixtures, digestOf, fallbackTagOf, fixtureLayout, type Layout } from './fixtures.ts'
import { splitReferrers, withoutFallbackTags, withoutTags } from './layout-selection.ts'
import { type MemoryRegistry, startMemoryRegistry } from './memory-registry.ts'
import { pushLayout } from './push-layout.ts'
import { registryClient } from './registry-client.ts'

setDefaultTimeout(60_000)

const refusedByDockerRegistry = [
  'sparse-index',
  'oci-artifact-manifest',
  'sha512',
  'index-sha512-child',
  'non-distributable',
  'docker-foreign-layer',
]

const some = <T>(values: Iterable<T>): T => {
  for (const value of values) return value
  throw new Error('want at least one value, got none')
}

/** A referrer of a referrer, and the one it belongs to. */
function secondLevel(layout: Layout): { subject: string; referrer: string } {
  for (const [subject, referrers] of layout.referrers) {
    if (layout.manifests.get(subject)?.subject !== undefined) return { subject, referrer: some(referrers) }
  }
  throw new Error(`layout ${layout.name} has no referrer of a referrer`)
}

describeWithFixtures('the comparer, against a registry in memory that can be damaged', () => {
  async function differencesAfter(damage: (registry: MemoryRegistry, layout: Layout) => void, name = 'oras-tree') {
    const layout = fixtureLayout(name)
    const registry = startMemoryRegistry(withoutFallbackTags(layout))
    try {
      damage(registry, layout)
      return await compareMirror(layout, { url: registry.url, repository: 'any/thing' })
    } finally {
      await registry.stop()
    }
  }

  for (const name of ['dhi-python/release-1', 'formats', 'cosign-tags', 'oras-tree', 'referrers-fallback-tags']) {
    test(`an undamaged copy of ${name} has no difference`, async () => {
      expect(await differencesAfter(() => {}, name)).toEqual([])
    })
  }

  test('a missing tag is found', async () => {
    let gone = ''
    const found = await differencesAfter(({ tags }) => {
      gone = some(tags.keys())
      tags.delete(gone)
    })
    expect(found).toContainEqual(expect.objectContaining({ kind: 'missing', of: `tag ${gone}`, got: 'not listed' }))
    expect(found.every(({ of }) => of.endsWith(`tag ${gone}`))).toBe(true)
  })

  test('a moved tag is found', async () => {
    let moved = ''
    const found = await differencesAfter(({ tags, manifests }) => {
      const [tag, digest] = some(tags)
      moved = tag
      tags.set(tag, some([...manifests.keys()].filter((other) => other !== digest)))
    })
    expect(found).toContainEqual(
      expect.objectContaining({ kind: 'different', of: `tag ${moved}: digest of the bytes` }),
    )
  })

  test('an extra tag is found, and a fallback tag is an extra tag', async () => {
    const found = await differencesAfter(({ tags }) => {
      const [, digest] = some(tags)
      tags.set('latest', digest)
      tags.set(fallbackTagOf(digest), digest)
    })
    expect(found.map(({ kind }) => kind)).toEqual(['extra', 'extra'])
  })

  test('a missing second-level referrer is found', async () => {
    let want = ''
    const found = await differencesAfter(({ referrers }, layout) => {
      const { subject, referrer } = secondLevel(layout)
      want = `referrer ${referrer} of ${subject}`
      referrers.set(
        subject,
        (referrers.get(subject) ?? []).filter(({ digest }) => digest !== referrer),
      )
    })
    expect(found).toEqual([{ kind: 'missing', of: want }])
  })

  test('an extra referrer is found', async () => {
    const found = await differencesAfter(({ referrers }, layout) => {
      const { subject } = secondLevel(layout)
      const descriptor = {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: digestOf(new Uint8Array()),
        size: 0,
      }
      referrers.set(subject, [...(referrers.get(subject) ?? []), descriptor])
    })
    expect(found.map(({ kind }) => kind)).toEqual(['extra'])
  })

  test('a referrer whose artifactType or annotations are wrong is found', async () => {
    const found = await differencesAfter(({ referrers }) => {
      const [first = {}, second = {}] = [...referrers.values()].flat()
      first.artifactType = 'application/wrong'
      second.annotations = { wrong: 'yes' }
    })
    expect(found.map(({ kind }) => kind)).toEqual(['different', 'different'])
  })

  test('a flipped byte in a manifest and in a blob is found', async () => {
    const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))
    const found = await differencesAfter(({ manifests, blobs }) => {
      const [digest, manifest] = some([...manifests].filter(([, { bytes }]) => bytes.length > 0))
      manifests.set(digest, { ...manifest, bytes: flip(manifest.bytes) })
      const [blob, bytes] = some([...blobs].filter(([, content]) => content.length > 0))
      blobs.set(blob, flip(bytes))
    })
    expect(found.some(({ of }) => of.startsWith('manifest ') && of.endsWith('digest of the bytes'))).toBe(true)
    expect(found.some(({ of }) => of.startsWith('blob ') && of.endsWith('digest of the bytes'))).toBe(true)
  })

  test('a wrong Content-Type, a missing manifest and a missing blob are found', async () => {
    const damaged: string[] = []
    const found = await differencesAfter(({ manifests, blobs, tags }) => {
      const tagged = new Set(tags.values())
      const [typed = '', gone = ''] = [...manifests.keys()].filter((digest) => !tagged.has(digest))
      const blob = some(blobs.keys())
      manifests.set(typed, { bytes: manifests.get(typed)?.bytes ?? new Uint8Array(), mediaType: 'application/json' })
      manifests.delete(gone)
      blobs.delete(blob)
      damaged.push(`different manifest ${typed}: Content-Type`, `missing manifest ${gone}`, `missing blob ${blob}`)
    })
    expect(found.map(({ kind, of }) => `${kind} ${of}`).sort()).toEqual(damaged.sort())
  })

  test('content that nobody can have is found when it is served', async () => {
    const found = await differencesAfter(({ blobs }, layout) => {
      blobs.set(some(layout.referencedButAbsent.keys()), new Uint8Array(1))
    }, 'formats')
    expect(found.map(({ kind }) => kind)).toEqual(['extra'])
  })
})

describeWithFixtures('the comparer, against docker-registry', () => {
  let registry: DockerRegistry
  beforeAll(async () => {
    registry = await startDockerRegistry()
  })
  afterAll(() => registry.stop())

  test('a pushed layout has no difference, referrers under fallback tags included', async () => {
    const layout = fixtureLayout('formats')
    const target = { url: registry.url, repository: 'pushed/formats' }
    await pushLayout(layout, target.url, target.repository, { skipTags: refusedByDockerRegistry })
    expect(await compareMirror(layout, target, { skipTags: refusedByDockerRegistry, referrers: 'either' })).toEqual([])
    const withoutApi = await compareMirror(layout, target, { skipTags: refusedByDockerRegistry })
    expect(withoutApi.some(({ of }) => of.startsWith('referrers API'))).toBe(true)
    const whole = await compareMirror(layout, target, { referrers: 'either' })
    expect(new Set(whole.filter(({ of }) => of.startsWith('tag ')).map(({ of }) => of.slice('tag '.length)))).toEqual(
      new Set(refusedByDockerRegistry),
    )
  })

  test('two releases pushed one after the other are compared as one, and a late release is missed', async () => {
    const first = fixtureLayout('dhi-python/release-1')
    const second = fixtureLayout('dhi-python/release-2')
    const target = { url: registry.url, repository: 'pushed/dhi-python' }
    await pushLayout(first, target.url, target.repository)
    expect(await compareMirror(first, target, { referrers: 'either' })).toEqual([])
    expect((await compareMirror([first, second], target, { referrers: 'either' })).length).toBeGreaterThan(13)
    await pushLayout(second, target.url, target.repository)
    expect(await compareMirror([first, second], target, { referrers: 'either' })).toEqual([])
    expect((await registryClient(target.url, target.repository).listTags())?.includes('3.13-debian')).toBe(true)
  })

  test("a layout's own fallback tags are kept as they are, and compared as tags on request", async () => {
    const layout = fixtureLayout('referrers-fallback-tags')
    const target = { url: registry.url, repository: 'pushed/fallback' }
    await pushLayout(layout, target.url, target.repository)
    expect(await compareMirror(layout, target, { referrers: 'either' })).toEqual([])
    expect(await compareMirror(layout, target, { referrers: 'either', fallbackTags: 'tags' })).toEqual([])
  })

  test('attestations alone can be pushed, to a repository that has none of the images', async () => {
    const layout = fixtureLayout('oras-tree')
    const { referrers } = splitReferrers(layout)
    const target = { url: registry.url, repository: 'attestations/oras-tree' }
    await pushLayout(referrers, target.url, target.repository)
    expect(await compareMirror(referrers, target, { referrers: 'either' })).toEqual([])
    const client = registryClient(target.url, target.repository)
    const lists = await Promise.all([...layout.referrers.keys()].map((subject) => client.listReferrers(subject)))
    expect(lists.flatMap(({ items }) => items)).toHaveLength(11)
    expect((await client.getManifest(some(layout.tags.values()))).status).toBe(404)
  })

  test('without a tag, what belongs to it alone is gone too', () => {
    const layout = fixtureLayout('formats')
    const smaller = withoutTags(layout, ['sha512', 'index-sha512-child'])
    expect([...smaller.manifests.keys()].filter((digest) => digest.startsWith('sha512:'))).toEqual([])
    expect(smaller.tags.size).toBe(layout.tags.size - 2)
  })
})
