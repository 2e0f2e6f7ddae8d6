import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Inventory, SeenTag } from './inventory.ts'
import type { Problem } from './problem.ts'

export interface Closure {
  /** Everything that belongs to the roots, each after its children, and referrers after their subject. */
  readonly digests: readonly Digest[]
  /** The first thing in it that cannot be had. */
  readonly problem: (Problem & { readonly digest: Digest }) | undefined
}

export function closureOf(inventory: Inventory, roots: readonly Descriptor[]): Closure {
  const digests: Digest[] = []
  const seen = new Set<Digest>()
  let problem: Closure['problem']
  // Referrers wait until what is under way is done: one may list as its child the very index that is being walked.
  const queue = roots.map((root) => root.digest)
  const visit = (digest: Digest) => {
    if (seen.has(digest)) return
    seen.add(digest)
    const found = inventory.problems.get(digest)
    if (found !== undefined) problem ??= { ...found, digest }
    const node = inventory.nodes.get(digest)
    if (node === undefined) return
    for (const child of node.children) visit(child)
    digests.push(digest)
    for (const referrer of node.referrers) queue.push(referrer)
  }
  for (const next of queue) visit(next)
  return { digests, problem }
}

export interface Attached {
  /** Image tags by the digest that they name; tags that may not move are left out. */
  readonly images: ReadonlyMap<Digest, readonly SeenTag[]>
  /** Root digest → digest tags that hang on something of its closure, or on one another. */
  readonly attachedTo: ReadonlyMap<Digest, readonly SeenTag[]>
  /** Digest tags that hang on nothing that is mirrored. */
  readonly orphans: readonly SeenTag[]
}

/** Finds for each image root the digest tags that are published together with it. */
export function indexAttached(inventory: Inventory): Attached {
  const images = new Map<Digest, SeenTag[]>()
  const bySubject = new Map<Digest, SeenTag[]>()
  const orphans = new Set<SeenTag>()
  for (const one of inventory.tags) {
    if (!('decision' in one.seen) || one.seen.decision.action === 'skip') continue
    const [map, key] = one.subject === undefined ? [images, one.seen.descriptor.digest] : [bySubject, one.subject]
    const list = map.get(key)
    if (list === undefined) map.set(key, [one])
    else list.push(one)
    if (one.subject !== undefined) orphans.add(one)
  }
  const attachedTo = new Map<Digest, SeenTag[]>()
  for (const [root, aliases] of images) {
    const found = new Set<SeenTag>()
    const queue = aliases.flatMap((one) => ('descriptor' in one.seen ? [one.seen.descriptor] : [])).slice(0, 1)
    for (const next of queue) {
      for (const digest of closureOf(inventory, [next]).digests) {
        for (const one of bySubject.get(digest) ?? []) {
          if (found.has(one)) continue
          found.add(one)
          orphans.delete(one)
          if ('descriptor' in one.seen) queue.push(one.seen.descriptor)
        }
      }
    }
    attachedTo.set(root, [...found])
  }
  return { images, attachedTo, orphans: [...orphans] }
}
