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

export interface InstanceSettingRow {
  key: string
  value: string
}
