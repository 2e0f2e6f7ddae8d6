/** Mirrors: their settings, and what each knows of its tags, referrers and exclusions. */
import type { Flag } from './flag.ts'

/** A tag that upstream has named and that was not looked at since. */
export interface MirrorHintRow {
  mirror_id: string
  tag: string
  /** Something that hangs on the tag's image was pushed: that the image is unchanged says nothing. */
  attached: Flag
  /** Of the run that looks at it; null: none yet. */
  claim: string | null
  /** When it is looked at; once it is claimed, when the claim has to show that it is alive. */
  due_at: string
  /** Runs of it that failed. */
  attempts: number
}

/** Where a mirror rests; that it is paused, or that a run is under way, is told apart (`mirror/life/state.ts`). */
export type RestingState = 'initial' | 'active' | 'degraded' | 'stopped'

/** Made public, archived, paused by a person, over the quota, refused or lost by upstream. */
export type PauseCause = 'public' | 'archived' | 'hand' | 'quota' | 'credentials' | 'gone'

export interface MirrorPauseRow {
  mirror_id: string
  cause: PauseCause
  /** What was said when it came about; null when the cause says it all. */
  detail: string | null
  since: string
}

export interface MirrorRow {
  id: string
  organization_id: string
  repository_id: string
  upstream_id: string
  source_repository: string
  state: RestingState
  reason: string | null
  since: string
  created_at: string
  next_run_at: string | null
  /** JSON of `api/mirror-settings.ts`. */
  settings: string
  /** The next run looks at everything anew. */
  full_due: Flag
  /** Whose mirror it was last; it still is while the subscription goes on and matches it (`MirrorRecord.subscription`). */
  subscription_id: string | null
  /** Tags that upstream listed in the last pass that could go by its list; null: there was none yet. */
  listed_tags: number | null
  /** When a pass over all of upstream was last brought to its end. */
  looked_at: string | null
  /** When the pass after that was due; at the start, the start. */
  look_due_at: string | null
  /** When such a pass last left nothing failing. */
  succeeded_at: string | null
  /** Since when it misses its objective; written with the event that says so. */
  missed_since: string | null
}

export interface MirrorTagRow {
  mirror_id: string
  tag: string
  head_digest: string | null
  upstream_digest: string | null
  synced_digest: string | null
  state:
    | 'pending'
    | 'synced'
    | 'failed'
    | 'held'
    | 'immutable'
    | 'diverged'
    | 'pinned'
    | 'excluded'
    | 'absent'
    | 'unselected'
    | 'retained'
  reason: string | null
  checked_at: string
  /** Since when upstream no longer lists it. */
  absent_since: string | null
  /** People have accepted that it is gone: untagging it does not count for the brake. */
  absent_accepted: Flag
}

/** A new digest that waits for its attestations, or was seen while it could not be had. */
export interface MirrorHoldRow {
  mirror_id: string
  digest: string
  /** When its tags began to wait: for this digest, or for an earlier one that upstream moved them from before its time was over. */
  held_since: string
  /** When something was last seen to come, or to go, below it. */
  changed_at: string
  /** All that was seen below it, as one value. */
  fingerprint: string
}

export interface StoredMirrorTagRow extends MirrorTagRow {
  /** When a digest that upstream has there, and that is not served here, was first seen; null: none, or not known. */
  behind_since: string | null
}

export interface MirrorSubjectRow {
  mirror_id: string
  source: 'image' | 'referrers'
  subject_digest: string
  version: string | null
  listed_at: string
  /** Address and login that the list is of, as `sourceKey` names them; null: not known. */
  listed_from: string | null
  /** When the list was first seen, or last seen to differ from the one before. */
  changed_at: string
  /** A referrers API has answered, and not a fallback tag. */
  by_api: Flag
}

/** A referrer that is here and that upstream no longer lists. */
export interface MirrorUnlistedRow {
  mirror_id: string
  digest: string
  subject_digest: string
  since: string
  /** People have accepted that it is gone: unlinking it does not count for the brake. */
  accepted: Flag
  /** Something new came in its place: it stays. */
  replaced: Flag
}

/** What a selection has read at upstream to decide, by digest. */
export interface MirrorFactRow {
  mirror_id: string
  digest: string
  /** When the image was created; null where `created_known` is 0, or nobody says it. */
  created: string | null
  created_known: Flag
  /** JSON list of the types of a referrer; null: never read. */
  types: string | null
}

export interface MirrorExclusionRow {
  mirror_id: string
  digest: string
  tags: string
  excluded_by: string | null
  excluded_at: string
}

/** A tag that a person keeps the mirror from, whether upstream has it or not. Passes never write here. */
export interface MirrorTagExclusionRow {
  mirror_id: string
  tag: string
  /** The manifest that was deleted by its digest, and the tag with it. */
  digest: string | null
  reason: string
  excluded_by: string | null
  excluded_at: string
}

/** A tag that a person took back, kept from the mirror where it is. Passes never write here. */
export interface TagPinRow {
  mirror_id: string
  tag: string
  /** Where it was pinned. */
  digest: string
  reason: string
  pinned_by: string
  pinned_at: string
}
