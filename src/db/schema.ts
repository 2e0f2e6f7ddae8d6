/**
 * The rows as Kysely sees them: text ids, ISO 8601 UTC times, integer sizes in bytes, 0/1 booleans, JSON as text.
 * The tables themselves are made by `migrations/`, which also says what each one is for.
 */
import type { Generated } from 'kysely'
import type { MirrorCounterRow, SubscriptionEntryRow, SubscriptionRow, SyncRunItemRow } from './mirror-rows.ts'

export type * from './mirror-rows.ts'

type Flag = 0 | 1

export interface BlobRow {
  digest: string
  size_bytes: number
  storage_key: string
  touched_at: string
}

export interface BlobTombstoneRow {
  storage_key: string
  deleted_at: string
}

export interface ManifestRow {
  digest: string
  size_bytes: number
  bytes: Uint8Array
  subject_digest: string | null
  artifact_type: string | null
  annotations: string | null
  created_at: string
}

export type ReferenceKind = 'config' | 'layer' | 'child' | 'subject'

export interface ManifestReferenceRow {
  parent_digest: string
  position: number
  kind: ReferenceKind
  digest: string
  media_type: string
  size_bytes: number
  platform: string | null
}

export interface RepositoryRow {
  id: string
  organization_id: string
  /** `organization/rest`, as in `/v2/<name>/`. */
  name: string
  visibility: 'private' | 'public'
  description: string
  allow_sparse: Flag
  immutable_tags: 'none' | 'all' | 'patterns'
  immutable_patterns: string
  archived_at: string | null
  created_at: string
  updated_at: string
}

export interface RepositoryManifestRow {
  repository_id: string
  digest: string
  media_type: string
  subject_digest: string | null
  pushed_at: string | null
  mirrored_at: string | null
  published_at: string | null
  last_pulled_at: string | null
}

export interface RepositoryBlobRow {
  repository_id: string
  digest: string
  published_at: string | null
  linked_at: string
}

export interface TagRow {
  repository_id: string
  name: string
  digest: string
  moved_at: string
}

export interface TagHistoryRow {
  id: string
  repository_id: string
  tag: string
  from_digest: string | null
  to_digest: string | null
  at: string
  actor: string
  run_id: string | null
  /** Why, for people. */
  reason: string
}

export interface UploadSessionRow {
  id: string
  repository_id: string
  subject: string
  offset_bytes: number
  created_at: string
  updated_at: string
}

export interface EventRow {
  seq: Generated<number>
  id: string
  kind: string
  organization_id: string
  repository_id: string | null
  actor: string
  at: string
  payload: string
}

export interface OrganizationRow {
  id: string
  name: string
  quota_bytes: number | null
  created_at: string
}

export interface OrganizationUsageRow {
  organization_id: string
  linked_bytes: number
  counted_at: string
}

export interface StageReservationRow {
  stage_id: string
  organization_id: string
  bytes: number
  at: string
}

export type Role = 'owner' | 'editor' | 'member'

export interface MemberRow {
  organization_id: string
  user_id: string
  role: Role
  created_at: string
}

/** The columns of better-auth's `users` that we read; `is_operator` is ours alone. Its times differ by engine: leave them to it. */
export interface UserRow {
  id: string
  name: string
  email: string
  username: string | null
  is_operator: Generated<Flag>
}

/** The columns of better-auth's `accounts` that we read, to tell whether a password has changed. */
export interface AccountRow {
  id: string
  user_id: string
  provider_id: string
  password: string | null
}

/** What we read of better-auth's `sessions`: only enough to end them. */
export interface SessionRow {
  id: string
  user_id: string
}

export type TokenScope = 'read' | 'write' | 'delete' | 'admin'

export interface TokenRow {
  id: string
  user_id: string
  label: string
  scope: TokenScope
  hash: string
  created_at: string
  expires_at: string | null
  last_used_at: string | null
}

export interface RefreshTokenRow {
  id: string
  hash: string
  user_id: string
  /** The personal access token that it was obtained with; null for a password. */
  token_id: string | null
  service: string
  created_at: string
  expires_at: string
}

export interface FailedLoginRow {
  account: string
  network: string
  guess: string
  failures: number
  ends_at: string
}

export interface UpstreamRow {
  id: string
  /** Null: shared by the operator with every organization. */
  organization_id: string | null
  name: string
  url: string
  username: string | null
  /** Sealed by `lib/seal.ts`. */
  sealed_password: string | null
  ca: string | null
  plain_http: Flag
  referrers_from: string | null
  /** Before the names of its repositories in the default names of mirrors; empty for none. */
  prefix: string
  /** JSON list of the rates that its requests keep to (`api/rates.ts`). */
  max_rate: string
  created_at: string
}

/** The secret address of an upstream. */
export interface UpstreamHookRow {
  upstream_id: string
  hash: string
  created_at: string
  /** When the present minute began, and how much came since. */
  counted_from: string
  counted: number
}

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

/** What a registry said of how often one account may ask it. */
export interface LearnedBudgetRow {
  /** A keyed hash. */
  account: string
  /** JSON of `net/learned-budget.ts`. */
  learned: string
  learned_at: string
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

export type RunTrigger = 'start' | 'sync' | 'hint' | 'schedule'
export type RunOutcome = 'running' | 'done' | 'partial' | 'failed' | 'stopped'

export interface SyncRunRow {
  id: string
  mirror_id: string
  trigger: RunTrigger
  full: Flag
  outcome: RunOutcome
  /** Lease generation under which the run writes; a higher one fences it off. */
  generation: number
  started_at: string
  ended_at: string | null
  counts: string
  failures: string
  /** The tags that it was limited to, as a JSON list; null: all. */
  tags: string | null
  /** The process that it is of; null: of before processes were told apart. */
  holder: string | null
  /** JSON of the totals that were planned; null: it did not come so far. */
  plan: string | null
  /** JSON of its last moment, while it runs; not each one is written. */
  progress: string | null
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

/** What an organization has fetched, and from which address and credential (invariant 2). */
export interface FetchedContentRow {
  organization_id: string
  source: string
  digest: string
  fetched_at: string
}

export interface LeaseRow {
  key: string
  generation: number
  holder: string | null
  expires_at: string
}

export interface InstanceSettingRow {
  key: string
  value: string
}

export interface Schema {
  blobs: BlobRow
  blob_tombstones: BlobTombstoneRow
  manifests: ManifestRow
  manifest_references: ManifestReferenceRow
  repositories: RepositoryRow
  repository_manifests: RepositoryManifestRow
  repository_blobs: RepositoryBlobRow
  tags: TagRow
  tag_history: TagHistoryRow
  upload_sessions: UploadSessionRow
  events: EventRow
  organizations: OrganizationRow
  organization_usage: OrganizationUsageRow
  stage_reservations: StageReservationRow
  members: MemberRow
  users: UserRow
  accounts: AccountRow
  sessions: SessionRow
  tokens: TokenRow
  refresh_tokens: RefreshTokenRow
  failed_logins: FailedLoginRow
  upstreams: UpstreamRow
  upstream_hooks: UpstreamHookRow
  mirrors: MirrorRow
  mirror_pauses: MirrorPauseRow
  mirror_hints: MirrorHintRow
  subscriptions: SubscriptionRow
  subscription_entries: SubscriptionEntryRow
  sync_runs: SyncRunRow
  sync_run_items: SyncRunItemRow
  mirror_counters: MirrorCounterRow
  mirror_tags: StoredMirrorTagRow
  mirror_subjects: MirrorSubjectRow
  mirror_facts: MirrorFactRow
  mirror_holds: MirrorHoldRow
  mirror_exclusions: MirrorExclusionRow
  mirror_tag_exclusions: MirrorTagExclusionRow
  tag_pins: TagPinRow
  fetched_content: FetchedContentRow
  learned_budgets: LearnedBudgetRow
  leases: LeaseRow
  instance_settings: InstanceSettingRow
}
