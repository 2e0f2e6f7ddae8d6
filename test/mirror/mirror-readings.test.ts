// What others did to the bytes of a manifest, and what an upstream says of their type, never takes content from a mirror.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { references } from '../../src/db/migrations/0005-references.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { expectMirrored } from './expect-mirrored.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addBlob, addImage } from './small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

/** An image whose bytes do not say their type. */
function addUntyped(mediaType: string, tag: string): string {
  const config = addBlob(upstream, `{"os":"linux","architecture":"amd64","name":"${tag}"}`, MediaType.ociConfig)
  const layers = [addBlob(upstream, `layer of ${tag}`, MediaType.ociLayerGzip)]
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, config, layers }))
  const digest = digestOf(bytes)
  upstream.manifests.set(digest, { mediaType, bytes })
  upstream.tags.set(tag, digest)
  return digest
}

function retype(digest: string, mediaType: string): void {
  const bytes = upstream.manifests.get(digest)?.bytes ?? new Uint8Array()
  upstream.manifests.set(digest, { mediaType, bytes })
}

const layoutOf = (repository: MemoryRepository) => ({
  tags: repository.tags,
  manifests: new Map([...repository.manifests].map(([digest, one]) => [digest, { digest, tags: [], ...one }])),
  blobs: repository.blobs,
  referrers: new Map(),
})

describe('an upstream that sends a wrong type', () => {
  for (const lie of [MediaType.ociArtifact, MediaType.ociIndex, MediaType.dockerList]) {
    test(`${lie} for an image: that tag fails by name, the others arrive, and it comes when the lie ends`, async () => {
      const digest = addUntyped(lie, 'lie')
      addImage(upstream, 'good', { tags: ['good'] })
      const { run, mirrorId } = await instance.mirror('hub/app')
      expect([run.outcome, run.failures.map((one) => [one.tag, one.code])]).toEqual([
        'partial',
        [['lie', 'MANIFEST_INVALID']],
      ])
      retype(digest, MediaType.ociManifest)
      expect((await instance.sync(mirrorId)).outcome).toBe('done')
      await expectMirrored(await instance.reader('acme/dhi-app'), layoutOf(upstream) as never)
    })
  }
})

test('a published manifest whose blobs are missing here is brought whole by the next pass', async () => {
  addUntyped(MediaType.ociManifest, '1')
  addImage(upstream, 'other', { tags: ['2'] })
  const { mirrorId } = await instance.mirror('hub/app')
  // As data of before decision record 21 had it: no references, so no blobs.
  await instance.db.write(async (tx) => {
    const digest = upstream.tags.get('1') ?? ''
    const blobs = await tx
      .selectFrom('manifest_references')
      .select('digest')
      .where('parent_digest', '=', digest)
      .execute()
    await tx.deleteFrom('manifest_references').where('parent_digest', '=', digest).execute()
    for (const blob of blobs) await tx.deleteFrom('repository_blobs').where('digest', '=', blob.digest).execute()
    await references.convert?.(tx)
  })
  expect((await instance.sync(mirrorId)).outcome).toBe('done')
  await expectMirrored(await instance.reader('acme/dhi-app'), layoutOf(upstream) as never)
})
