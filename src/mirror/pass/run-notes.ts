/** What a run tells beside the tags that it moved: what it left out, published late or could not do, in words for people. */
import type { RunFailure } from '../../api/runs.ts'
import type { RunItem } from '../../db/mirrors/run-items.ts'
import type { MirrorTagRow } from '../../db/schema.ts'
import type { Digest } from '../../oci/digest.ts'
import { closureOf } from './closure.ts'
import type { Inventory } from './inventory.ts'
import type { Problem } from './problem.ts'
import type { RootWork, SyncPlan, UnmetTag } from './sync-plan.ts'

/** Roots that tags point at already, and that something was published for: attestations that came later. */
export function publishedLate(plan: SyncPlan, failed: ReadonlySet<RootWork>): RunItem[] {
  return plan.works.flatMap((work): RunItem[] => {
    if (failed.has(work) || work.moves.length > 0) return []
    const others = work.roots.length - 1
    const message = `${others} ${others === 1 ? 'manifest was' : 'manifests were'} attached later`
    return [{ action: 'published', tag: work.tags[0] ?? null, digest: work.root.digest, code: null, message }]
  })
}

/** Attestations that upstream no longer lists and that are gone. */
export function unlinkedItems(plan: SyncPlan, gone: ReadonlySet<Digest>): RunItem[] {
  return plan.unlisted.unlinks.flatMap(({ digest, reason }): RunItem[] =>
    gone.has(digest) ? [{ action: 'unlinked', tag: null, digest, code: null, message: reason }] : [],
  )
}

export function divergedItem({ tag, upstream_digest: digest, state, reason }: MirrorTagRow): RunItem[] {
  return state === 'diverged' ? [{ action: 'diverged', tag, digest, code: null, message: reason ?? '' }] : []
}

/** Reasons that do not pass by themselves: the content is as it is. What can be accepted must be told apart from what will pass. */
const LASTING: ReadonlySet<string> = new Set([
  'BLOB_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_TOO_LARGE',
  'MANIFEST_UNKNOWN',
  'SIZE_INVALID',
  'TARGET_INVALID',
  'TARGET_NOT_FOUND',
  'TARGET_UNSUPPORTED',
  'UPSTREAM_INVALID',
  'UPSTREAM_NOT_FOUND',
  'UPSTREAM_UNSUPPORTED',
])

export function isLasting({ code }: Problem): boolean {
  return LASTING.has(code)
}

export function unmetProblem({ tag, why, reason }: UnmetTag, repository: string): Problem {
  if (why === 'unlisted') return { code: 'MANIFEST_UNKNOWN', message: reason }
  if (why === 'unselected')
    return {
      code: 'CONFLICT',
      message: `${reason}; to take it, change the selection: kagami mirror change ${repository}`,
    }
  const release = {
    excluded: `; to bring it back: kagami tag release ${repository} ${tag}`,
    pinned: `; to let the mirror move it again: kagami tag release ${repository} ${tag}`,
    diverged: `; to take what upstream has: kagami tag release ${repository} ${tag} --take-upstream`,
  }[why]
  return { code: 'CONFLICT', message: `${why} here: ${reason}${release}` }
}

/** What referrer lists name and cannot be had, each with a tag that it would belong to. */
export function leftOutOf(inventory: Inventory): RunFailure[] {
  const lists = inventory.lists.filter((list) => list.leftOut.length > 0)
  if (lists.length === 0) return []
  const tagOf = new Map<Digest, string>()
  const roots = new Set<Digest>()
  for (const { tag, seen } of inventory.tags) {
    if (!('descriptor' in seen) || roots.has(seen.descriptor.digest)) continue
    roots.add(seen.descriptor.digest)
    for (const digest of closureOf(inventory, [seen.descriptor]).digests) if (!tagOf.has(digest)) tagOf.set(digest, tag)
  }
  return lists.flatMap(({ subject, leftOut }) =>
    leftOut.map(({ digest, code, message }) => ({
      tag: tagOf.get(subject) ?? null,
      digest: digest ?? null,
      code,
      message: `listed as a referrer of ${subject}, left out: ${message}`,
    })),
  )
}

/** What is published now though not all that hangs on it could be listed or read, once for each root. */
export function withoutOf(inventory: Inventory, plan: SyncPlan, failed: ReadonlySet<RootWork>): RunFailure[] {
  if (inventory.without.size === 0) return []
  return plan.works.flatMap((work): RunFailure[] => {
    if (failed.has(work) || work.moves.length === 0) return []
    const lacking = closureOf(inventory, work.roots).digests.find((digest) => inventory.without.has(digest))
    const problem = lacking && inventory.without.get(lacking)
    if (problem === undefined) return []
    const message = `published without all of its attestations, which come later: ${problem.message}`
    return [{ tag: work.tags[0] ?? null, digest: work.root.digest, code: problem.code, message }]
  })
}

/** What waits for its attestations is no failure, and yet not here. */
export function heldOf(plan: SyncPlan): RunFailure[] {
  return plan.tags.flatMap(({ tag, digest, state, reason, problem }) =>
    state !== 'held' || problem !== undefined
      ? []
      : [{ tag, digest: digest ?? null, code: 'HELD', message: reason ?? 'held' }],
  )
}
