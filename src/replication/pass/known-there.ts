/** What the target has, in the shape that a pass knows what is here by when it goes inwards. */
import { type Known, type KnownManifest, NOTHING_KNOWN } from '../../mirror/pass/known.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TargetMemory } from '../../oci/target-repository.ts'
import { blobsOf, type LocalGraph } from './graph.ts'

/** Manifests that are there are so with all that they name: our own tables say what that is. */
export function knownThere(graph: LocalGraph, manifests: Iterable<Digest>, memory: TargetMemory): Known {
  const there = new Map<Digest, KnownManifest>()
  const sizes = new Map<Digest, number>()
  const all = [...manifests]
  for (const digest of all) {
    const manifest = graph.manifests.get(digest)
    if (manifest === undefined) continue
    for (const blob of manifest.blobs) sizes.set(blob.digest, blob.size)
    if (memory.hasManifest(digest)) there.set(digest, manifest)
  }
  const blobs = new Map<Digest, number>()
  for (const digest of blobsOf(graph, all)) if (memory.hasBlob(digest)) blobs.set(digest, sizes.get(digest) ?? 0)
  return { ...NOTHING_KNOWN, manifests: there, blobs }
}
