// What registries do that the specification does not say: one image with everything that belongs to it is copied to each, and is there whole,
// every blob once and nothing put that was there; or it is said clearly what the registry cannot take, and no tag has moved.
import { describe, expect, test } from 'bun:test'
import type { RegistryKind } from '../../src/api/targets.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { type QuirkRegistry, type Quirks, REGISTRIES, startQuirkRegistry } from '../support/quirk-registry.ts'
import type { Counted } from '../support/quirks/exchange.ts'
import {
  copyImage,
  expectNothingTwice,
  expectWhole,
  imageWithAll,
  NAME,
  openTarget,
  targetMemory,
} from './copied-image.ts'

const MIB = 1024 * 1024

async function start(quirks: Quirks): Promise<QuirkRegistry> {
  const registry = await startQuirkRegistry(quirks)
  if (quirks.missingRepository !== undefined) registry.repository(NAME)
  return registry
}

/** What was written, as far as it was taken. */
const writes = (requests: readonly Counted[]) =>
  requests.filter(({ kind, status }) => /^upload-(part|end)|^manifest-put/.test(kind) && status !== 401)

/** Copies, looks, and copies again with nothing remembered. */
async function expectCopied(quirks: Quirks, kind: RegistryKind, image = imageWithAll()): Promise<QuirkRegistry> {
  const registry = await start(quirks)
  const { tags, failed } = await copyImage(openTarget(registry, kind), image)
  expect([...failed]).toEqual([])
  expect(tags.filter(({ result }) => result !== 'moved')).toEqual([])
  expectWhole(registry, quirks, image)
  const before = registry.requests.length
  const again = await copyImage(openTarget(registry, kind), image)
  expect(again.tags.filter(({ result }) => result !== 'unchanged')).toEqual([])
  expect(writes(registry.requests.slice(before)).map(({ method, path }) => `${method} ${path}`)).toEqual([])
  expectWhole(registry, quirks, image)
  return registry
}

describe('registries', () => {
  test.each([
    ['plain', 'other'],
    ['ecr', 'ecr'],
    ['ecr-public', 'ecr-public'],
    ['ghcr', 'ghcr'],
    ['quay', 'quay'],
    ['harbor', 'harbor'],
    ['gitlab', 'gitlab'],
    ['artifactory', 'artifactory'],
    ['azure', 'azure'],
    ['docker-hub', 'docker-hub'],
    ['google', 'google'],
    ['ecr', 'other'],
    ['ghcr', 'other'],
    ['quay', 'other'],
    ['harbor', 'other'],
    ['gitlab', 'other'],
    ['artifactory', 'other'],
    ['docker-hub', 'other'],
    ['google', 'other'],
  ] as const)('%s, known as %s', async (name, kind) => {
    const quirks: Quirks = REGISTRIES[name]
    const isMadeFirst = kind === 'docker-hub'
    await using registry = await start(quirks)
    if (isMadeFirst) registry.repository(NAME)
    const image = imageWithAll()
    const { tags, failed } = await copyImage(openTarget(registry, kind), image)
    expect([...failed]).toEqual([])
    expect(tags.filter(({ result }) => result !== 'moved')).toEqual([])
    expectWhole(registry, quirks, image)
  })
})

describe('referrers without their API go under the fallback tag', () => {
  test.each([303, 400, 404, 405, 406, 'page'] as const)('%s', async (referrers) => {
    await using registry = await expectCopied({ referrers }, 'other')
    expect(registry.requests.filter(({ path }) => path.includes('web.test'))).toEqual([])
  })

  test('also where a PUT is answered by OCI-Subject', async () => {
    await using _ = await expectCopied({ referrers: 404, claimsSubject: true }, 'other')
  })

  test('also where it shows the subject itself', async () => {
    await using _ = await expectCopied({ referrers: 404, showsSubjectAtFallbackTag: true }, 'other')
  })

  test('and not where there is the API', async () => {
    await using registry = await expectCopied({}, 'other')
    expect([...registry.repository(NAME).tags.keys()].filter((tag) => /^sha256-[0-9a-f]{64}$/.test(tag))).toEqual([])
  })
})

describe('questions that are not answered', () => {
  test.each([
    ['HEADs of manifests', { noHead: ['manifests'] }],
    ['HEADs of blobs', { noHead: ['blobs'] }],
    ['all HEADs', { noHead: ['manifests', 'blobs'] }],
    ['digests of HEADs', { hidesDigest: true }],
    ['types that are not OCI', { convertsToSchema1: true }],
  ] as const)('%s', async (_, quirks) => {
    await using _registry = await expectCopied(quirks, 'other')
  })
})

describe('where an upload goes on', () => {
  test.each(['absolute', 'path', 'relative', 'without-scheme', 'elsewhere'] as const)('%s', async (location) => {
    for (const kind of ['other', 'artifactory'] as const) {
      await using registry = await expectCopied({ location, signIn: 'bearer' }, kind)
      const toStorage = registry.requests.filter(({ host }) => host === 'storage')
      expect(toStorage.length > 0).toBe(location === 'elsewhere')
      expect(toStorage.filter(({ authorization }) => authorization !== 'none')).toEqual([])
      // What an address says of its state goes back as it came.
      const ends = registry.requests.filter((one) => one.kind === 'upload-end')
      for (const { path } of ends) expect(path).toMatch(/[?&](_state=a%2Bb|X-Signature=abc%2Fdef)&digest=sha256%3A/)
    }
  })
})

describe('how a blob is sent', () => {
  const large = () => imageWithAll({ layers: [freshLayer(21 * MIB)] })

  test('in one PUT where several PATCHes replace each other and chunks have a cap', async () => {
    await using registry = await expectCopied(REGISTRIES.ghcr, 'ghcr', imageWithAll({ layerBytes: 5 * MIB }))
    expect(registry.count('upload-part')).toBe(0)
  })

  test('in chunks where one body of that length is refused', async () => {
    await using registry = await expectCopied(REGISTRIES.azure, 'azure', large())
    expect(Math.max(...registry.requests.map(({ bytes }) => bytes))).toBeLessThanOrEqual(20_000_000)
    expect(registry.requests.filter(({ status }) => status === 413 || status === 'dropped')).toEqual([])
  })

  test('in chunks as long as the registry wants them', async () => {
    const quirks = { largestBodyBytes: 20_000_000, largeBody: 413, smallestChunkBytes: 18_000_000 } as const
    await using registry = await expectCopied(quirks, 'azure', large())
    expect(registry.requests.filter(({ status }) => status === 416)).toEqual([])
  })

  test('with the last chunk in the PUT, where that is wanted', async () => {
    const quirks = { largestBodyBytes: 20_000_000, largeBody: 413, lastChunkWithPut: true } as const
    await using _ = await expectCopied(quirks, 'azure', large())
  })

  test('a body that is too long is said to be', async () => {
    await using registry = await start({ largestBodyBytes: 100_000, largeBody: 413 })
    const copied = copyImage(openTarget(registry, 'other'), imageWithAll({ layerBytes: 200_000 }))
    const error = await copied.catch((thrown) => thrown)
    expect([error.code, error.message]).toEqual(['TARGET_INVALID', expect.stringContaining('413')])
    expect(registry.repository(NAME).tags.size).toBe(0)
  })

  test('by PATCH and PUT, where the Range of a PATCH says less than it took', async () => {
    await using registry = await expectCopied({ ...REGISTRIES.artifactory, patchIsStuck: true }, 'artifactory')
    expect(registry.count('upload-part')).toBeGreaterThan(0)
  })

  test.each([1, 2, 3] as const)('gone on with where body %i broke', async (cutsUpload) => {
    const image = imageWithAll({ layerBytes: 3 * MIB })
    for (const kind of ['other', 'ghcr', 'artifactory'] as const) {
      await using registry = await expectCopied({ cutsUpload }, kind, image)
      expect(registry.requests.filter(({ status }) => status === 'dropped').length).toBe(1)
    }
  })

  test.each([
    { patchIsStuck: true },
    { patchOverwrites: true },
    { noPatch: true },
    { largestChunkBytes: MIB },
    { lastChunkWithPut: true },
  ] as const)('and begun anew where it cannot be gone on with: %j', async (quirks) => {
    await using _ = await expectCopied({ ...quirks, cutsUpload: 2 }, 'other', imageWithAll({ layerBytes: 3 * MIB }))
  })

  test.each([{ uploadStatus: 202 }, { uploadStatus: 204 }, { manifestStatus: 200 }, { manifestStatus: 202 }] as const)(
    'and %j is a success too',
    async (quirks) => {
      await using _ = await expectCopied(quirks, 'other')
    },
  )
})

describe('signing in', () => {
  test.each([
    ['Basic', { signIn: 'basic' }],
    ['a token', { signIn: 'bearer' }],
    ['a token that lasts for 25 requests', { signIn: 'bearer', tokenUses: 25 }],
    ['a 401 that does not say how', { signIn: 'bearer', hidesChallenge: true }],
    ['a 401 that does not say how, and Basic', { signIn: 'basic', hidesChallenge: true }],
  ] as const)('%s', async (_, quirks) => {
    await using _registry = await expectCopied(quirks, 'other', imageWithAll({ layerBytes: MIB }))
  })
})

describe('limits by kind of request', () => {
  test.each([
    'token',
    'blob-head',
    'upload-begin',
    'upload-end',
    'manifest-head',
    'manifest-put',
    'referrers',
  ] as const)('%s', async (kind) => {
    const limit = { kind, after: 1, refusals: 2, retryAfter: '7' } as const
    await using registry = await expectCopied({ signIn: 'bearer', limit }, 'other', imageWithAll({ layerBytes: MIB }))
    expect(registry.requests.some(({ status }) => status === 429)).toBe(true)
  })
})

describe("a client of the registry's own API", () => {
  test('makes the repository, and tells of blobs a hundred at a time', async () => {
    await using registry = await startQuirkRegistry(REGISTRIES.ecr)
    const image = imageWithAll()
    const asked: number[] = []
    const api = {
      createRepository: async (name: string) => void registry.repository(name),
      hasBlobs: async (name: string, blobs: readonly Digest[]) => {
        asked.push(blobs.length)
        return blobs.filter((digest) => registry.repository(name).blobs.has(digest))
      },
    }
    const target = () => openTarget(registry, 'ecr', { api })
    const first = target()
    await first.noteBlobs?.([...image.layout.blobs.keys()] as Digest[])
    await copyImage(first, image)
    expectWhole(registry, REGISTRIES.ecr, image)
    // What it told to be absent is not asked for by itself either.
    expect(registry.count('blob-head')).toBe(0)
    const before = registry.count('blob-head')
    asked.length = 0
    const again = target()
    const others = Array.from({ length: 200 }, (_, i) => `sha256:${String(i).padStart(64, '0')}` as Digest)
    const ours = [...image.layout.blobs.keys()] as Digest[]
    await again.noteBlobs?.([...ours, ...others, ...ours])
    expect(asked).toEqual([100, 100, ours.length])
    await copyImage(again, image)
    expect(registry.count('blob-head')).toBe(before)
    expectNothingTwice(registry)
  })

  test('is not asked for where there is none', async () => {
    await using registry = await start({})
    expect(openTarget(registry, 'other').noteBlobs).toBeUndefined()
  })
})

describe('mounts', () => {
  const SOURCE = 'team/base'

  /** The target has the layers in another repository. @param isCommitted a manifest there names them */
  async function begin(quirks: Quirks, isCommitted = true) {
    const registry = await start({ signIn: 'bearer', ...quirks })
    const source = registry.repository(SOURCE)
    const image = imageWithAll()
    for (const [digest, bytes] of image.layout.blobs) source.blobs.set(digest, bytes)
    if (isCommitted) for (const one of image.order) source.manifests.set(one.digest, one)
    const mounts = Object.fromEntries([...image.layout.blobs.keys()].map((digest) => [digest, [SOURCE]]))
    return { registry, image, mounts, count: image.layout.blobs.size }
  }

  test.each([
    ['any', {}, 'other', 'all'],
    ['with from', { mount: 'needs-from' }, 'quay', 'all'],
    ['of what is committed', { mount: 'committed' }, 'ecr', 'all'],
    ['refused by 401', { mount: 401, api: 'harbor' }, 'harbor', 'none'],
    ['refused by 400', { mount: 400 }, 'docker-hub', 'none'],
    ['never done', { mount: 'never' }, 'other', 'none'],
    ['never tried', { mount: 'never' }, 'google', 'untried'],
    ['never tried', { mount: 'never' }, 'ecr-public', 'untried'],
  ] as const)('%s: %j as %s, %s', async (_, quirks, kind, want) => {
    const { registry, image, mounts, count } = await begin(quirks)
    await using _registry = registry
    registry.repository(NAME)
    const memory = targetMemory(mounts)
    const target = openTarget(registry, kind, { memory })
    await copyImage(target, image)
    expectWhole(registry, quirks, image)
    const { mountsTried, mountsDone } = target.usage()
    expect(mountsDone).toBe(want === 'all' ? count : 0)
    if (want === 'untried') expect(mountsTried).toBe(0)
    expect(registry.mounts.done).toBe(mountsDone)
    expect(registry.uploads.size).toBe(want === 'all' ? 0 : count)
  })

  test('a 202 is gone on with, and begins nothing twice', async () => {
    const { registry, image, mounts, count } = await begin({ mount: 'committed' }, false)
    await using _ = registry
    await copyImage(openTarget(registry, 'other', { memory: targetMemory(mounts) }), image)
    expectWhole(registry, {}, image)
    const begun = registry.requests.filter(({ kind, status }) => kind === 'upload-begin' && status === 202)
    expect(begun.length).toBe(count)
  })
})

describe('tags that stay', () => {
  test.each([403, 409, 412] as const)('%i', async (immutable) => {
    await using registry = await start({ immutable })
    const first = imageWithAll()
    await copyImage(openTarget(registry, 'other'), first)
    const next = imageWithAll()
    const { tags } = await copyImage(openTarget(registry, 'other'), next)
    const kept = tags.filter(({ tag }) => tag === '1.0' || tag === 'latest')
    expect(kept.map(({ result, found }) => [result, found as string])).toEqual([
      ['refused', first.index.digest],
      ['refused', first.index.digest],
    ])
    for (const { reason } of kept) expect(reason).toContain('immutable')
    expect(registry.repository(NAME).tags.get('1.0')).toBe(first.index.digest)
    // All of it is there, by its digest.
    expect(registry.repository(NAME).manifests.has(next.index.digest)).toBe(true)
    expectNothingTwice(registry)
  })
})

describe('what a registry cannot take is said, and no tag of it moves', () => {
  test.each([
    ['no index that lacks some', { refusesSparse: true }, imageWithAll({ isSparse: true }), 'index'],
    ['no manifest without mediaType', { wantsMediaType: true }, imageWithAll({ hasNoMediaType: true }), 'platform'],
    [
      'no sha512 manifest',
      { refusesSha512: true },
      imageWithAll({ algorithm: 'sha512', blobAlgorithm: 'sha256' }),
      'platform',
    ],
  ] as const)('%s', async (_, quirks, image, what) => {
    await using registry = await start(quirks)
    const { failed } = await copyImage(openTarget(registry, 'other'), image)
    expect(failed.get(image[what].digest)).toBe('TARGET_UNSUPPORTED')
    const { tags } = registry.repository(NAME)
    expect(['1.0', 'latest'].map((tag) => tags.has(tag))).toEqual([false, false])
    expectNothingTwice(registry)
  })

  test('no attestation: the image is there all the same', async () => {
    await using registry = await start({ referrerPut: 405 })
    const image = imageWithAll()
    const { tags, failed } = await copyImage(openTarget(registry, 'other'), image)
    expect([...failed]).toEqual([
      [image.attestation.digest, 'TARGET_UNSUPPORTED'],
      [image.signature.digest, 'TARGET_UNSUPPORTED'],
    ])
    expect(tags.map(({ result }) => result)).toEqual(['moved', 'moved', 'moved'])
  })

  test('no sha512 blob', async () => {
    await using registry = await start({ refusesSha512: true })
    const image = imageWithAll({ blobAlgorithm: 'sha512' })
    const error = await copyImage(openTarget(registry, 'other'), image).catch((thrown) => thrown)
    expect(error.code).toBe('TARGET_UNSUPPORTED')
    expect(registry.repository(NAME).tags.size).toBe(0)
  })

  test('sha512 where it is taken, its tags by the query of a PUT', async () => {
    await using registry = await start({ takesTags: true })
    const image = imageWithAll({ algorithm: 'sha512' })
    await copyImage(openTarget(registry, 'other'), image)
    expectWhole(registry, {}, image)
  })

  test('sha512 tags where no query is understood', async () => {
    await using registry = await start({})
    const image = imageWithAll({ algorithm: 'sha512' })
    const { tags } = await copyImage(openTarget(registry, 'other'), image)
    expect(tags.map(({ result }) => result)).toEqual(['unsupported', 'unsupported'])
    expect(registry.repository(NAME).tags.size).toBe(0)
  })

  test('no more than its quota, found out at the end of an upload', async () => {
    await using registry = await start({ quotaBytes: 2000, signIn: 'bearer', api: 'harbor' })
    registry.repository(NAME)
    const error = await copyImage(openTarget(registry, 'harbor'), imageWithAll()).catch((thrown) => thrown)
    expect([error.code, error.message]).toEqual([
      'TARGET_DENIED',
      expect.stringContaining('exceed the configured upper limit'),
    ])
    expect(registry.repository(NAME).tags.size).toBe(0)
  })

  test.each([
    [404, 'TARGET_NOT_FOUND'],
    ['drop', 'TARGET_UNAVAILABLE'],
  ] as const)('no repository that nobody has made: %s', async (missingRepository, code) => {
    await using registry = await startQuirkRegistry({ missingRepository })
    const error = await copyImage(openTarget(registry, 'other'), imageWithAll()).catch((thrown) => thrown)
    expect(error.code).toBe(code)
    expect(error.message).toContain(NAME)
  })

  test('an ECR repository that we have no client for', async () => {
    await using registry = await startQuirkRegistry(REGISTRIES.ecr)
    const error = await copyImage(openTarget(registry, 'ecr'), imageWithAll()).catch((thrown) => thrown)
    expect([error.code, error.message]).toEqual(['TARGET_NOT_FOUND', expect.stringContaining('create-repository')])
    expect(writes(registry.requests)).toEqual([])
  })
})

describe('lies', () => {
  test.each([
    ['another digest than what was put', { liesAboutDigest: true }],
    ['a manifest that was changed', { changesManifests: true }],
    ['a tag that is put and shows what it showed', { keepsOldTags: true }],
  ] as const)('%s', async (_, quirks) => {
    await using registry = await start(quirks)
    registry.repository(NAME).tags.set('1.0', imageWithAll().index.digest)
    const old = imageWithAll().index
    registry.repository(NAME).manifests.set(old.digest, { mediaType: MediaType.ociIndex, bytes: old.bytes })
    registry.repository(NAME).tags.set('1.0', old.digest)
    const outcome = await copyImage(openTarget(registry, 'other'), imageWithAll()).then(
      ({ failed, tags }) => [...failed.values()].concat(tags.map(({ result }) => result)),
      (error) => [error.code],
    )
    expect(outcome).toContain('TARGET_INVALID')
    expect(outcome).not.toContain('moved')
  })
})

describe('what goes', () => {
  test('a registry that deletes nothing keeps it, and says so', async () => {
    await using registry = await start({ noDelete: true })
    const image = imageWithAll()
    const target = openTarget(registry, 'other')
    await copyImage(target, image)
    expect(await target.writer.unlink([image.signature.digest as never])).toEqual([])
    const move = { tag: 'latest' as never, to: undefined, expect: image.index.digest as never }
    const outcomes = await target.writer.publish({ roots: [], tags: [move] }, async () => new Uint8Array())
    expect(outcomes.map(({ result }) => result)).toEqual(['unsupported'])
    expectWhole(registry, {}, image)
  })

  test.each(['api', 404] as const)('referrers go, and out of what lists them: %s', async (referrers) => {
    await using registry = await start({ referrers })
    const image = imageWithAll()
    const target = openTarget(registry, 'other')
    await copyImage(target, image)
    expect(await target.writer.unlink([image.signature.digest as never])).toEqual([image.signature.digest as never])
    expect(registry.repository(NAME).manifests.has(image.signature.digest)).toBe(false)
    const { items } = (await target.reader.listReferrers({
      mediaType: image.attestation.mediaType,
      digest: image.attestation.digest as never,
      size: image.attestation.bytes.length,
    })) as { items: AsyncIterable<unknown> }
    const left: unknown[] = []
    for await (const one of items) left.push(one)
    expect(left).toEqual([])
  })
})

function freshLayer(sizeBytes: number): { digest: string; bytes: Uint8Array } {
  const bytes = new Uint8Array(sizeBytes).fill(7)
  bytes.set(crypto.getRandomValues(new Uint8Array(16)))
  return { bytes, digest: `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}` }
}
