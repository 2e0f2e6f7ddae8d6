// A manifest that says something false of what it refers to fails alone, whatever is read first, and whatever is here already.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Digest } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addBlob, addImage, addIndex, type Made, putManifest } from './small-images.ts'

let instance: MirrorInstance
beforeAll(async () => {
  instance = await openMirrorInstance()
})
afterAll(() => instance.close())

let worlds = 0
/** A repository of its own, with content that no other one has, and the mirror of it. */
function world() {
  const name = `w${++worlds}`
  const upstream = memoryRepository()
  instance.repositories.set(`hub/${name}`, upstream)
  return {
    name,
    upstream,
    start: () => instance.mirror(`hub/${name}`, name),
    tags: () => tagsOf(name),
  }
}

async function tagsOf(name: string): Promise<Record<string, string>> {
  const tags: Record<string, string> = {}
  for await (const { tag, digest } of (await instance.reader(`acme/${name}`)).listTags()) tags[tag] = String(digest)
  return tags
}

function imageOf(upstream: MemoryRepository, name: string, layers: readonly Made[], more: object = {}): Made {
  const config = addBlob(upstream, JSON.stringify({ architecture: 'amd64', os: 'linux', name }), MediaType.ociConfig)
  return putManifest(upstream, MediaType.ociManifest, { config, layers, ...more }, [])
}

type Lie = 'one byte more' | 'one byte less' | 'no bytes' | 'a lot' | 'docker' | 'index' | 'artifact' | 'schema1'
const SIZE_LIES: readonly Lie[] = ['one byte more', 'one byte less', 'no bytes', 'a lot']
const TYPE_LIES: readonly Lie[] = ['docker', 'index', 'artifact', 'schema1']
function lieAbout(made: Made, lie: Lie): Made {
  const sizes: Partial<Record<Lie, number>> = {
    'one byte more': made.size + 1,
    'one byte less': made.size - 1,
    'no bytes': 0,
    'a lot': 2 ** 50,
  }
  const types: Partial<Record<Lie, string>> = {
    docker: MediaType.dockerManifest,
    index: MediaType.ociIndex,
    artifact: MediaType.ociArtifact,
    schema1: MediaType.dockerSchema1Signed,
  }
  return { ...made, size: sizes[lie] ?? made.size, mediaType: types[lie] ?? made.mediaType }
}

const pick = fc.array(fc.nat(3), { minLength: 1, maxLength: 3 })
const worldArbitrary = fc.record({
  /** Layers of each image that tells the truth. */
  images: fc.array(pick, { minLength: 1, maxLength: 4 }),
  /** Images of each index that tells the truth. */
  indexes: fc.array(pick, { maxLength: 2 }),
  layerLies: fc.array(fc.record({ layers: pick, lie: fc.constantFrom(...SIZE_LIES) }), { maxLength: 3 }),
  childLies: fc.array(fc.record({ images: pick, lie: fc.constantFrom(...SIZE_LIES, ...TYPE_LIES) }), { maxLength: 3 }),
  /** Tags are read in this order. */
  order: fc.array(fc.nat(99), { minLength: 12, maxLength: 12 }),
})

test('every tag that tells the truth is published, and every other one is named: in any order, in later passes, in other mirrors', async () => {
  await fc.assert(
    fc.asyncProperty(worldArbitrary, async (made) => {
      const { name, upstream, start } = world()
      const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T
      let next = 0
      const tag = (digest: string) => {
        const text = `t${at(made.order, next)}-${next++}`
        upstream.tags.set(text, digest)
        return text
      }
      const layers = [0, 1, 2, 3].map((n) => addBlob(upstream, `${name} layer ${n}`.repeat(50), MediaType.ociLayerGzip))
      const images = made.images.map((of, n) =>
        imageOf(
          upstream,
          `${name} image ${n}`,
          of.map((i) => at(layers, i)),
        ),
      )
      const good: Record<string, string> = {}
      for (const { digest } of images) good[tag(digest)] = digest
      for (const of of made.indexes) {
        const { digest } = addIndex(
          upstream,
          of.map((i) => at(images, i)),
          [],
        )
        good[tag(digest)] = digest
      }
      const liars: string[] = []
      for (const [n, { layers: of, lie }] of made.layerLies.entries()) {
        const said = of.map((i, position) => (position === 0 ? lieAbout(at(layers, i), lie) : at(layers, i)))
        liars.push(tag(imageOf(upstream, `${name} liar ${n}`, said).digest))
      }
      for (const { images: of, lie } of made.childLies) {
        const said = of.map((i, position) => (position === 0 ? lieAbout(at(images, i), lie) : at(images, i)))
        liars.push(tag(addIndex(upstream, said, []).digest))
      }

      const { mirrorId, run } = await start()
      const named = (failures: typeof run.failures) => failures.map((failure) => failure.tag).sort()
      expect([await tagsOf(name), named(run.failures)]).toEqual([good, [...liars].sort()])
      const again = await instance.sync(mirrorId, { full: true })
      expect([await tagsOf(name), named(again.failures)]).toEqual([good, [...liars].sort()])

      // The organization has fetched all of it from here: what it links without a transfer, it links by the same rule.
      const other = `${name}-other`
      instance.repositories.set(`hub/${other}`, upstream)
      const linked = await instance.mirror(`hub/${other}`, other)
      expect([await tagsOf(other), named(linked.run.failures)]).toEqual([good, [...liars].sort()])
      expect(linked.run.counts.blobs).toBe(0)
    }),
    { numRuns: 25 },
  )
}, 60_000)

describe('a lie is told with who told it', () => {
  test('about a layer, a child and the type of a child: parent, part, said and found', async () => {
    const { upstream, start, name } = world()
    const layer = addBlob(upstream, `${name} layer`, MediaType.ociLayerGzip)
    const image = imageOf(upstream, name, [layer])
    const short = imageOf(upstream, `${name} short`, [{ ...layer, size: 3 }])
    const child = addIndex(upstream, [{ ...image, size: 7 }], ['child'])
    const type = addIndex(upstream, [{ ...image, mediaType: MediaType.dockerManifest }], ['type'])
    upstream.tags.set('good', image.digest)
    const { mirrorId, run } = await start()
    expect(run.failures).toEqual([
      {
        tag: 'child',
        digest: child.digest as Digest,
        code: 'SIZE_INVALID',
        message: expect.stringContaining(`${child.digest} says that ${image.digest} has 7 bytes, it has ${image.size}`),
      },
      {
        tag: 'type',
        digest: type.digest as Digest,
        code: 'MANIFEST_INVALID',
        message: expect.stringContaining(
          `${type.digest} says that ${image.digest} is ${MediaType.dockerManifest}, it is ${MediaType.ociManifest}`,
        ),
      },
    ])
    // The plan of a later pass knows the layer's size without asking.
    upstream.tags.set('short', short.digest)
    const plan = await instance.engine.planSync(mirrorId)
    const skipped = plan.items.filter(({ tag }) => tag === 'short').map(({ action, reason }) => [action, reason])
    expect(skipped).toEqual([
      ['skip', `held back: ${short.digest} says that ${layer.digest} has 3 bytes, it has ${layer.size}`],
    ])
  })

  test('a body without a type of its own may be called what it can be read as', async () => {
    const { upstream, start, tags, name } = world()
    const layer = addBlob(upstream, `${name} layer`, MediaType.ociLayerGzip)
    const config = addBlob(upstream, `{"${name}":1}`, MediaType.ociConfig)
    const image = putManifest(upstream, MediaType.dockerManifest, { mediaType: undefined, config, layers: [layer] }, [])
    const fair = addIndex(upstream, [{ ...image, mediaType: MediaType.ociManifest }], ['fair'])
    // Read as an artifact it has no layers at all.
    addIndex(upstream, [{ ...image, mediaType: MediaType.ociArtifact }], ['empty'])
    addIndex(upstream, [{ ...image, mediaType: MediaType.ociIndex }], ['mixed'])
    const { run } = await start()
    expect(run.failures.map(({ tag, code }) => [tag, code])).toEqual([
      ['empty', 'MANIFEST_INVALID'],
      ['mixed', 'MANIFEST_INVALID'],
    ])
    expect(await tags()).toEqual({ fair: fair.digest })
  })
})

describe('lies in what is attached', () => {
  test('a referrer that lies holds the root that it hangs on, and nothing else that shares its layer', async () => {
    for (const [attached, other] of [
      ['a', 'z'],
      ['z', 'a'],
    ] as const) {
      const { upstream, start, tags, name } = world()
      const layer = addBlob(upstream, `${name} statement`, MediaType.ociLayerGzip)
      const held = addImage(upstream, `${name} held`, { tags: [attached] })
      const good = addImage(upstream, `${name} good`, { tags: [other] })
      imageOf(upstream, `${name} true`, [layer], { subject: good })
      const liar = imageOf(upstream, `${name} lie`, [{ ...layer, size: 1 }], { subject: held })
      const { run, mirrorId } = await start()
      expect(run.failures.map(({ tag, code }) => [tag, code])).toEqual([[attached, 'SIZE_INVALID']])
      expect(await tags()).toEqual({ [other]: good.digest })
      upstream.manifests.delete(liar.digest)
      expect((await instance.sync(mirrorId)).outcome).toBe('done')
      expect(await tags()).toEqual({ [attached]: held.digest, [other]: good.digest })
    }
  })

  test('what a referrer list says of sizes and types is a hint', async () => {
    const { upstream, name } = world()
    const image = addImage(upstream, `${name} image`, { tags: ['1'] })
    const attestation = addImage(upstream, `${name} attestation`, { subject: image })
    const reader = upstream.reader()
    instance.repositories.set(`hub/${name}`, {
      ...upstream,
      reader: () => ({
        ...reader,
        listReferrers: async (subject) => ({
          items: (async function* () {
            if (subject.digest !== image.digest) return
            yield { digest: attestation.digest as Digest, mediaType: MediaType.dockerManifest, size: 1 }
          })(),
        }),
      }),
    })
    expect((await instance.mirror(`hub/${name}`, name)).run.outcome).toBe('done')
    const served = await instance.reader(`acme/${name}`)
    expect(await served.resolve({ digest: attestation.digest as Digest })).toBeDefined()
  })
})

describe('the same blob by two names', () => {
  test('a layer that may be left out in one image and not in another: its absence fails the other alone', async () => {
    for (const [free, bound] of [
      ['a', 'z'],
      ['z', 'a'],
    ] as const) {
      const { upstream, start, tags, name } = world()
      const layer = addBlob(upstream, `${name} layer`, MediaType.ociLayerGzip)
      const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'
      const good = imageOf(upstream, `${name} free`, [{ ...layer, mediaType }])
      upstream.tags.set(free, good.digest)
      upstream.tags.set(bound, imageOf(upstream, `${name} bound`, [layer]).digest)
      upstream.blobs.delete(layer.digest)
      const { run } = await start()
      expect(run.failures.map(({ tag, digest, code }) => [tag, String(digest), code])).toEqual([
        [bound, layer.digest, 'BLOB_UNKNOWN'],
        [free, layer.digest, 'MANIFEST_UNKNOWN'],
      ])
      expect(await tags()).toEqual({ [free]: good.digest })
    }
  })

  test('a blob that one of two registries lacks is fetched from the other for what hangs there', async () => {
    const name = `w${++worlds}`
    const scout = await instance.addUpstream(`scout-${name}`)
    await instance.addUpstream(`both-${name}`, { referrers_from: scout.id })
    const images = memoryRepository()
    const attached = memoryRepository()
    instance.repositories.set(`both-${name}/app`, images)
    instance.repositories.set(`scout-${name}/app`, attached)
    const layer = addBlob(images, `${name} shared`, MediaType.ociLayerGzip)
    const good = imageOf(images, `${name} good`, [layer])
    images.tags.set('good', good.digest)
    const held = imageOf(images, `${name} held`, [addBlob(images, `${name} own`, MediaType.ociLayerGzip)])
    images.tags.set('a-held', held.digest)
    // The referrer source lists a statement of the shared layer, and does not have the layer.
    addBlob(attached, `${name} shared`, MediaType.ociLayerGzip)
    imageOf(attached, `${name} statement`, [layer], { subject: held })
    attached.blobs.delete(layer.digest)
    let isHere = false
    images.before = async (call, of) => {
      // The registry of the images answers only after the other one has refused.
      if (call === 'openBlob' && of === layer.digest) isHere = true
    }
    await instance.mirror(`both-${name}/app`, name)
    expect([isHere, (await tagsOf(name)).good]).toEqual([true, good.digest])
  })
})
