/** What a plan says: the work of each root digest, what becomes of each tag, and what is shown to people. */
import type { PlanItem } from '../../api/plans.ts'
import type { MirrorTagRow } from '../../db/schema.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TagMove } from '../../oci/repository.ts'
import type { Hold } from './hold.ts'
import type { Problem } from './problem.ts'
import type { UnlistedReferrers } from './unlisted.ts'

/** One root digest with everything that becomes visible together with it. */
export interface RootWork {
  readonly root: Descriptor
  /** Image tags that upstream has on it, then its digest tags. */
  readonly tags: readonly Tag[]
  readonly moves: readonly TagMove[]
  /** The root, the manifests of its digest tags, and the referrers that are not published yet. */
  readonly roots: readonly Descriptor[]
  /** Manifests that are not here, or not with all that upstream may have, each after what it refers to. */
  readonly stage: readonly Digest[]
  /** Why nothing of it may be published now. */
  readonly problem: (Problem & { readonly digest: Digest }) | undefined
}

export interface PlannedTag {
  readonly tag: Tag
  readonly digest: Digest | undefined
  readonly state: MirrorTagRow['state']
  readonly reason: string | undefined
  readonly problem: (Problem & { readonly digest: Digest | undefined }) | undefined
  /** Since when upstream no longer lists it. */
  readonly absentSince?: string
  readonly isAbsenceAccepted?: boolean
}

export interface UnmetTag {
  readonly tag: Tag
  readonly why: 'unlisted' | 'excluded' | 'pinned' | 'diverged' | 'unselected'
  readonly reason: string
}

export interface SyncPlan {
  readonly items: readonly PlanItem[]
  readonly totals: Readonly<Record<string, number>>
  /** What of the totals is copied from the referrer source. */
  readonly fromReferrers: { readonly manifests: number; readonly blobs: number }
  readonly works: readonly RootWork[]
  /** Upstream's tags, and those that it lost; without those that people excluded. */
  readonly tags: readonly PlannedTag[]
  /** Upstream's tags that people keep the mirror from: nothing is written down about them. */
  readonly excluded: readonly Tag[]
  /** Tags that upstream lost and the mirror never took: nothing is left to say of them. */
  readonly forgotten: readonly Tag[]
  /** Tags that were asked for by name and do not come, though nothing failed. */
  readonly unmet: readonly UnmetTag[]
  /** Tags that upstream has lost for long enough, away from where the mirror left them. */
  readonly untags: readonly TagMove[]
  /** Referrers that upstream does not list any more, and those of them that this run takes away. */
  readonly unlisted: UnlistedReferrers
  /** Why nothing at all may be changed. */
  readonly refusal: string | undefined
  /** New digests, to be remembered until they are published. */
  readonly holds: ReadonlyMap<Digest, Hold>
  /** When the first of those that wait need not wait any longer. */
  readonly holdUntil: Date | undefined
}
