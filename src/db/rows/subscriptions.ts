/** Whole catalogs that are mirrored. */
import type { Flag } from './flag.ts'

export type SubscriptionState = 'active' | 'degraded' | 'paused' | 'stopped'

/** Paused by a person; the catalog cannot be read for its login, is not kept at all, is not reached; it lists far less than before. */
export type SubscriptionCause = 'hand' | 'credentials' | 'catalog' | 'unreachable' | 'shrink'

export interface SubscriptionRow {
  id: string
  organization_id: string
  upstream_id: string
  /** JSON lists of globs. */
  match_globs: string
  except_globs: string
  /** JSON list; null: what the catalog lists. */
  repositories: string | null
  /** Entries that are new to it may take unmirrored repositories and restart stopped mirrors. */
  adopt: Flag
  /** JSON of `api/mirror-settings.ts`, for the mirrors that it makes. */
  settings: string
  state: SubscriptionState
  cause: SubscriptionCause | null
  /** The cause in the words of what happened. */
  problem: string | null
  reason: string | null
  since: string
  created_at: string
  /** Entries of the whole catalog at the last good read. */
  listed: number | null
  read_at: string | null
  next_read_at: string | null
  failed_reads: number
  accept_shrink: Flag
  /** When the last first run of its mirrors is planned: those of the next batch come after it. */
  first_runs_until: string | null
  /** Higher with each change by people: work that began before ends. */
  version: number
  work_due: Flag
  /** JSON: what is still to be done to its mirrors, and after which of them. */
  pending: string | null
}

export interface SubscriptionEntryRow {
  subscription_id: string
  repository: string
  matched: Flag
  listed: Flag
  made: Flag
  due: Flag
  code: string | null
  reason: string | null
  since: string
}
