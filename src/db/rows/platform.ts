/** Events, the audit log, leases and settings. */
import type { Generated } from 'kysely'

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

/** One line of the audit log. */
export interface AuditEntryRow {
  seq: Generated<number>
  /** Null: of the instance itself. */
  organization_id: string | null
  at: string
  actor: string
  /** Label of the token. */
  token: string | null
  action: string
  object: string
  outcome: 'done' | 'refused'
  /** JSON. */
  before_state: string | null
  after_state: string | null
  address: string | null
  request_id: string | null
  /** Of a refused attempt: what further ones like it are counted under; null: a change. */
  coalesced: string | null
}

export interface LeaseRow {
  key: string
  generation: number
  holder: string | null
  expires_at: string
}

/** What one server holds of a number that all servers on the database share; it counts while the lease of the server does. */
export interface SharedPortionRow {
  pool: string
  holder: string
  held: number
  /** What it had use for when it last looked. */
  wanted: number
}

/** A rate that all servers share: up to this time, in microseconds since 1970, it has been given out. */
export interface SharedRateRow {
  name: string
  until_us: number
}

export interface InstanceSettingRow {
  key: string
  value: string
}
