/** Registries that are written to, what they are known to hold, and the repositories that are kept in sync out to them. */
import type { Flag } from './flag.ts'
import type { RestingState } from './mirrors.ts'
import type { RunRow } from './runs.ts'

/** How a target is signed in to: by user and password, by what a cloud's own library finds, or by docker's configuration. */
export type SignInMethod = 'password' | 'ecr' | 'google' | 'azure' | 'docker'

export interface TargetRow {
  id: string
  /** Null: shared by the operator with every organization. */
  organization_id: string | null
  name: string
  url: string
  /** What registry it is (`remote/registry-traits.ts`); null: as its address says. */
  kind: string | null
  sign_in: SignInMethod
  /** JSON of `api/targets.ts`, without secrets. */
  sign_in_settings: string
  username: string | null
  /** Sealed by `lib/seal.ts`. */
  sealed_password: string | null
  ca: string | null
  plain_http: Flag
  /** JSON list of the rates that its requests keep to (`api/rates.ts`). */
  max_rate: string
  created_at: string
}

/** Something that a target was seen to have, by the name that its repository has there. */
export interface TargetContentRow {
  target_id: string
  repository: string
  digest: string
  kind: 'manifest' | 'blob'
  /** Of a blob: a manifest that is there names it. A manifest is there with all that it names. */
  committed: Flag
  seen_at: string
}

export interface ReplicationRuleRow {
  id: string
  organization_id: string
  target_id: string
  /** JSON list of globs over names without the organization. */
  globs: string
  /** `base/{name}`. */
  name_template: string
  /** JSON of `api/replications.ts`. */
  settings: string
  /** Why some of what it matches is without a replication; null: all have one. */
  reason: string | null
  checked_at: string | null
  created_by: string
  created_at: string
}

export interface ReplicationRow {
  id: string
  organization_id: string
  repository_id: string
  target_id: string
  /** Below the target's own path. */
  target_repository: string
  /** The rule that made it; null: it stands alone. */
  rule_id: string | null
  state: RestingState
  reason: string | null
  since: string
  /** JSON of `api/replications.ts`. */
  settings: string
  created_at: string
  next_run_at: string | null
  /** The next run looks at everything anew. */
  full_due: Flag
  /** Since when something of the repository is not at the target; null: nothing is known to lack. */
  changed_since: string | null
  /** When a pass over all tags was last brought to its end. */
  looked_at: string | null
  /** When such a pass last left nothing failing. */
  succeeded_at: string | null
  drift_checked_at: string | null
  /** When the target was last asked whether everybody may read it, and told. */
  privacy_checked_at: string | null
  /** Tags that were found to be other than we left them, and were not repaired. */
  drifted: number
}

/** The target is open to everybody, paused by a person, refused or lost by the target. */
export type ReplicationPauseCause = 'public' | 'hand' | 'credentials' | 'gone'

export interface ReplicationPauseRow {
  replication_id: string
  cause: ReplicationPauseCause
  detail: string | null
  since: string
}

export interface ReplicationTagRow {
  replication_id: string
  tag: string
  /** Where it points here, as the last pass saw it; null: it is gone here. */
  local_digest: string | null
  /** Where the target had it when it was last asked; null: nowhere. */
  target_digest: string | null
  /** Where we last put it there. */
  synced_digest: string | null
  /** One value for everything that belongs to the digest here, as it was when it was last brought there whole. */
  content: string | null
  state: 'pending' | 'synced' | 'failed' | 'immutable' | 'diverged' | 'waiting' | 'absent' | 'unselected'
  reason: string | null
  checked_at: string
}

export type ReplicationTrigger = 'start' | 'sync' | 'change' | 'schedule' | 'drift'

/** As `SyncRunRow`. */
export interface ReplicationRunRow extends RunRow {
  replication_id: string
  trigger: ReplicationTrigger
}

export interface ReplicationRunItemRow {
  run_id: string
  position: number
  action: 'moved' | 'published' | 'failed' | 'diverged' | 'left-out' | 'drifted'
  tag: string | null
  from_digest: string | null
  to_digest: string | null
  digest: string | null
  code: string | null
  message: string
  at: string | null
}

export interface ReplicationCounterRow {
  replication_id: string
  counter: 'runs' | 'failures' | 'bytes' | 'requests' | 'tags' | 'milliseconds' | 'mounts'
  label: string
  total: number
}
