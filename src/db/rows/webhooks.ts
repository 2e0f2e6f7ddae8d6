/** Webhooks, their deliveries, and how far readers of the log have come. */
import type { Flag } from './flag.ts'

export type WebhookFormat = 'hub' | 'cloudevents' | 'cloudevents-binary' | 'slack'
/** What is told of the first pass of a mirror: each tag, one delivery at its end, or nothing. */
export type InitialSync = 'each' | 'summary' | 'none'
export type DeliveryStatus = 'pending' | 'delivered' | 'failed' | 'dead'
export type CallbackState = 'success' | 'failure' | 'error'

export interface WebhookRow {
  id: string
  organization_id: string
  /** Null: of the organization, for the repositories that `repositories` takes. */
  repository_id: string | null
  /** The repository, or else the organization: names are unique within it. */
  owner_id: string
  name: string
  url: string
  /** JSON list of globs over what comes after `organization/`; `[]` for the one of a repository. */
  repositories: string
  /** JSON list of event kinds. */
  events: string
  /** JSON list of globs, `!` before one that leaves out; `[]`: every tag. */
  tags: string
  /** Only what has made a tag point to another digest. */
  changed_only: Flag
  /** JSON list; the values are in `sealed_headers`. */
  header_names: string
  sealed_headers: string | null
  sealed_secret: string
  /** The secret of before, by which everything is signed too until `old_secret_until`. */
  sealed_old_secret: string | null
  old_secret_until: string | null
  format: WebhookFormat
  after_id: string | null
  plain_http: Flag
  coalesce_moves: Flag
  initial_sync: InitialSync
  enabled: Flag
  /** Why it was disabled by the server; null: by people, or it is enabled. */
  disabled_reason: string | null
  /** Since when no attempt has succeeded. */
  failing_since: string | null
  /** It gets what comes after this in the log. */
  from_seq: number
  created_by: string
  created_at: string
  updated_at: string
}

export interface WebhookDeliveryRow {
  id: string
  /** It may be gone, and this soon after it. */
  webhook_id: string
  event_seq: number
  event_id: string
  kind: string
  event_at: string
  repository_id: string | null
  tag: string | null
  /** Where the tag pointed before the moves that this one stands for too; null: as the event says. */
  from_digest: string | null
  /** The place in line for the first attempt; null: not, or not any more, in line. */
  line: number | null
  /** The next attempt out of the line. */
  due_at: string | null
  /** It waits for what the receiver of another webhook says of the same event. */
  waits: Flag
  status: DeliveryStatus
  /** Kind of the last failure, for counts. */
  reason: string | null
  /** The last failure in words; of one that waits, what for. */
  error: string | null
  /** All attempts; their last number. */
  attempts: number
  /** Attempts since it was put in line, or redelivered: the back-off goes by these. */
  tries: number
  created_at: string
  /** No attempt begins after this. */
  expires_at: string
  finished_at: string | null
  callback_state: CallbackState | null
  callback_description: string | null
  callback_context: string | null
  callback_target_url: string | null
  callback_at: string | null
  /** Raised whenever it is decided anew what becomes of it: an attempt that was under way changes nothing of that. */
  generation: number
}

export interface WebhookAttemptRow {
  delivery_id: string
  number: number
  at: string
  /** Null: there was no answer. */
  status: number | null
  duration_ms: number
  reason: string | null
  error: string | null
  /** JSON objects; what is secret is left out of both. Of the last attempts only, as `answer`. */
  request_headers: string
  answer_headers: string
  /** The first KiB. */
  answer: string
}

export interface WebhookCounterRow {
  counter: 'delivered' | 'failed' | 'dead' | 'delay' | 'delay-milliseconds'
  label: string
  total: number
}

export interface EventCursorRow {
  consumer: string
  /** Everything up to here has been dealt with. */
  seq: number
}
