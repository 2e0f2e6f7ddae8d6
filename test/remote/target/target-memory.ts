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

/** Everything that a manifest refers to comes before it, and a subject before its referrers. */
function inOrder(layout: Layout): LayoutManifest[] {
  const order = new Set<LayoutManifest>()
  const place = (digest: string) => {
    const manifest = layout.manifests.get(digest)
    if (manifest === undefined || order.has(manifest)) return
    for (const one of manifest.children) place(one)
    if (manifest.subject !== undefined) place(manifest.subject)
    order.add(manifest)
  }
  for (const digest of layout.manifests.keys()) place(digest)
  return [...order]
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
  for (const manifest of inOrder(layout)) {
    if (own.has(manifest.digest)) continue
    await target.writer.writeManifest({ descriptor: descriptorOf(manifest), bytes: manifest.bytes })
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
