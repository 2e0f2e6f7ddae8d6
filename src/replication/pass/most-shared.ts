import type { Inventory } from '../../mirror/pass/inventory.ts'
import type { RootWork } from '../../mirror/pass/sync-plan.ts'
import type { Digest } from '../../oci/digest.ts'

/**
 * Roots whose blobs most others need too come first: once their manifests are there, others mount from them, also where a registry mounts only
 * what a manifest names.
 */
export function mostSharedFirst(works: readonly RootWork[], inventory: Pick<Inventory, 'nodes'>): RootWork[] {
  const blobsOf = new Map(
    works.map((work) => [
      work,
      new Set(work.stage.flatMap((digest) => inventory.nodes.get(digest)?.blobs.map((blob) => blob.digest) ?? [])),
    ]),
  )
  const uses = new Map<Digest, number>()
  for (const blobs of blobsOf.values()) for (const blob of blobs) uses.set(blob, (uses.get(blob) ?? 0) + 1)
  const shareOf = (work: RootWork) => {
    const blobs = blobsOf.get(work) ?? new Set<Digest>()
    if (blobs.size === 0) return Number.POSITIVE_INFINITY
    return [...blobs].reduce((sum, blob) => sum + (uses.get(blob) ?? 1) - 1, 0) / blobs.size
  }
  const shares = new Map(works.map((work) => [work, shareOf(work)]))
  return [...works].sort((a, b) => {
    const [x = 0, y = 0] = [shares.get(a), shares.get(b)]
    return x === y ? 0 : y > x ? 1 : -1
  })
}
