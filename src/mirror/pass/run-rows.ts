/** What a run writes down for the next: the state of each tag, digests that wait, and the referrer lists that may be relied on. */
import type { MirrorHoldRow, MirrorSubjectRow, MirrorTagRow, MirrorUnlistedRow } from '../../db/schema.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Inventory } from './inventory.ts'
import type { Known, Origin } from './known.ts'
import type { Policy } from './policy.ts'
import type { PlannedTag, SyncPlan } from './sync-plan.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

/** Whose pass it was, and what it went by. */
export interface PassFacts {
  readonly mirrorId: string
  readonly keys: Readonly<Record<Origin, string>>
  readonly known: Known
  readonly isFull: boolean
  readonly policy: Policy
  readonly now: string
}

/** The new digests of a plan as rows. */
export function holdRows(plan: SyncPlan, mirrorId: string): MirrorHoldRow[] {
  return [...plan.holds].map(([digest, { heldSince, changedAt, fingerprint }]) => ({
    mirror_id: mirrorId,
    digest,
    held_since: heldSince,
    changed_at: changedAt,
    fingerprint,
  }))
}

/** Referrers that upstream does not list any more as rows, without those that are gone. */
export function unlistedRows(plan: SyncPlan, mirrorId: string, gone: ReadonlySet<Digest>): MirrorUnlistedRow[] {
  return [...plan.unlisted.marks].flatMap(([digest, { subject, since, isAccepted, isReplaced }]) => {
    const flags = { accepted: isAccepted ? 1 : 0, replaced: isReplaced ? 1 : 0 } as const
    return gone.has(digest) ? [] : [{ mirror_id: mirrorId, digest, subject_digest: subject, since, ...flags }]
  })
}

/** The tags of a plan as rows, in the state that the plan gives them. */
export function tagRows(tags: readonly PlannedTag[], mirrorId: string, now: string): MirrorTagRow[] {
  return tags.map(({ tag, digest, state, reason, absentSince, isAbsenceAccepted }) => ({
    mirror_id: mirrorId,
    tag,
    head_digest: digest ?? null,
    upstream_digest: digest ?? null,
    synced_digest: null,
    state,
    reason: reason ?? null,
    checked_at: now,
    absent_since: absentSince ?? null,
    absent_accepted: isAbsenceAccepted ? 1 : 0,
  }))
}

/** A list counts as known only when all its items are served here (or cannot be had, or were deleted here by people). */
export function reliableLists(
  inventory: Inventory,
  publishedNow: ReadonlySet<Digest>,
  o: PassFacts,
): MirrorSubjectRow[] {
  const wasServed = (digest: Digest) =>
    o.known.manifests.get(digest)?.isPublished === true ||
    inventory.absent.has(digest) ||
    inventory.unchosen.has(digest) ||
    o.known.excluded.has(digest)
  const isServed = (digest: Digest) => publishedNow.has(digest) || wasServed(digest)
  const ageOf = (time: string) => Date.parse(o.now) - Date.parse(time)
  return inventory.lists.flatMap((list): MirrorSubjectRow[] => {
    const before = o.known.lists[list.origin].get(list.subject)
    const isChanged = before === undefined || !list.items.every(wasServed)
    // Those that are asked for in turn have to remember when it was their turn.
    const isInTurn = before !== undefined && o.policy.recheckMs > 0 && ageOf(before.changedAt) >= DAY_MS
    const isFresh = before !== undefined && ageOf(before.listedAt) < HOUR_MS && !isInTurn
    const isSame = before?.version === list.version && (before?.isByApi ?? false) === list.isByApi
    if (isFresh && !o.isFull && !isChanged && isSame) return []
    // Named again by each run, and mirrored once it can be had.
    if (list.leftOut.length > 0) return []
    if (!isServed(list.subject) || !list.items.every(isServed)) return []
    return [
      {
        mirror_id: o.mirrorId,
        source: list.origin,
        subject_digest: list.subject,
        version: list.version ?? null,
        listed_at: o.now,
        listed_from: o.keys[list.origin],
        changed_at: isChanged ? o.now : before.changedAt,
        by_api: list.isByApi ? 1 : 0,
      },
    ]
  })
}
