// What a target is remembered to have, in memory, and layouts that are pushed through the writer.
import { fetchBlob } from '../../../src/mirror/pass/fetch-blob.ts'
import type { Descriptor } from '../../../src/oci/descriptor.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { RepositoryName, Tag } from '../../../src/oci/reference.ts'
import type { RepositoryReader, TagMove, TagOutcome } from '../../../src/oci/repository.ts'
import type { TargetMemory, TargetRepository } from '../../../src/oci/target-repository.ts'
import { isFallbackTag, type Layout, type LayoutManifest } from '../../support/fixtures.ts'
import { eachLimited } from '../../support/limit.ts'
import { memoryRepository } from '../../support/memory-repository.ts'

export interface Remembered extends TargetMemory {
  readonly manifests: Set<Digest>
  readonly blobs: Set<Digest>
  readonly mounts: Map<Digest, readonly RepositoryName[]>
  readonly forgotten: Digest[]
}

export function targetMemory(): Remembered {
  const manifests = new Set<Digest>()
  const blobs = new Set<Digest>()
  const mounts = new Map<Digest, readonly RepositoryName[]>()
  const forgotten: Digest[] = []
  return {
    manifests,
    blobs,
    mounts,
    forgotten,
    hasManifest: (digest) => manifests.has(digest),
    hasBlob: (digest) => blobs.has(digest),
    mountsOf: (digest) => mounts.get(digest) ?? [],
    noteBlob: (digest) => void blobs.add(digest),
    noteManifest(digest, named) {
      manifests.add(digest)
      for (const one of named) blobs.add(one)
    },
    forget(digest) {
      manifests.delete(digest)
      blobs.delete(digest)
      forgotten.push(digest)
    },
  }
}

const descriptorOf = ({ mediaType, digest, bytes }: LayoutManifest): Descriptor => ({
  mediaType,
  digest: digest as Digest,
  size: bytes.byteLength,
})

/** In waves: everything that a manifest refers to is in an earlier one than itself, and so is a referrer's subject. */
function inOrder(layout: Layout): LayoutManifest[][] {
  const waves: LayoutManifest[][] = []
  const waveOf = new Map<string, number>()
  const place = (digest: string): number => {
    const known = waveOf.get(digest)
    if (known !== undefined) return known
    const manifest = layout.manifests.get(digest)
    if (manifest === undefined) return -1
    const needed = manifest.subject === undefined ? manifest.children : [...manifest.children, manifest.subject]
    const wave = 1 + Math.max(-1, ...needed.map(place))
    waveOf.set(digest, wave)
    waves[wave] ??= []
    waves[wave].push(manifest)
    return wave
  }
  for (const digest of layout.manifests.keys()) place(digest)
  return waves
}

export const noSleep = async () => {}

/** As a pass does: blobs, manifests, then tags, all expected to be absent. Fallback tags of the layout are the target's to make. */
export async function pushThrough(
  target: TargetRepository,
  layout: Layout,
  reader: RepositoryReader = memoryRepository(layout).reader(),
): Promise<readonly TagOutcome[]> {
  const own = new Set([...layout.tags].flatMap(([tag, digest]) => (isFallbackTag(tag) ? [digest] : [])))
  for (const [tag, digest] of layout.tags) if (!isFallbackTag(tag)) own.delete(digest)
  await eachLimited(layout.blobs, 8, async ([digest, bytes]) => {
    const blob = { mediaType: 'application/octet-stream', digest: digest as Digest, size: bytes.byteLength }
    await fetchBlob(blob, { reader, writer: target.writer, onBytes: () => {}, sleep: noSleep })
  })
  for (const wave of inOrder(layout)) {
    await eachLimited(wave, 8, async (manifest) => {
      if (own.has(manifest.digest)) return
      await target.writer.writeManifest({ descriptor: descriptorOf(manifest), bytes: manifest.bytes })
    })
  }
  const tags = [...layout.tags].flatMap(([tag, digest]): TagMove[] => {
    const manifest = layout.manifests.get(digest)
    if (manifest === undefined || isFallbackTag(tag)) return []
    return [{ tag: tag as Tag, to: descriptorOf(manifest), expect: undefined }]
  })
  return await target.writer.publish({ roots: [], tags }, async ({ digest }) => {
    const manifest = layout.manifests.get(digest)
    if (manifest === undefined) throw new Error(`nobody asked for ${digest}`)
    return manifest.bytes
  })
}
