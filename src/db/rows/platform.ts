/** Events, leases and settings. */
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
