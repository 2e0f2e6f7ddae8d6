import {
  DEFAULT_REPLICATION,
  type ReplicationChange,
  type ReplicationSettings,
  replicationSettingsSchema,
} from '../../api/replications.ts'
import { changedSelection } from '../../api/selection.ts'
import type { ReplicationRow } from '../../db/schema.ts'
import { parseDuration } from '../../lib/duration.ts'

/** What people set for a replication, as its row keeps it. */
export function replicationSettings(record: Pick<ReplicationRow, 'settings'>): ReplicationSettings {
  return replicationSettingsSchema.parse(JSON.parse(record.settings))
}

type Defaulted = keyof typeof DEFAULT_REPLICATION

export type FullSettings = Omit<ReplicationSettings, Defaulted> & {
  readonly [K in Defaulted]: NonNullable<ReplicationSettings[K]>
}

/** With the defaults of what nobody set. */
export function fullSettings(record: Pick<ReplicationRow, 'settings'>): FullSettings {
  return { ...DEFAULT_REPLICATION, ...replicationSettings(record) } as FullSettings
}

/** The settings after a change: what is left out stays, null is the default again. */
export function changedReplication(before: ReplicationSettings, change: ReplicationChange): ReplicationSettings {
  const merged = { ...before, ...change, selection: changedSelection(before.selection, change.selection) }
  return replicationSettingsSchema.parse(
    Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null && value !== undefined)),
  )
}

/** Where nothing is sent, nobody else finds out that everybody may read what was: this long an answer is enough. */
const PRIVACY_EVERY_MS = 24 * 60 * 60 * 1000

/** When the target is asked again whether everybody may read it, in milliseconds since 1970. */
export function privacyDueMs(record: Pick<ReplicationRow, 'privacy_checked_at' | 'created_at'>): number {
  return Date.parse(record.privacy_checked_at ?? record.created_at) + PRIVACY_EVERY_MS
}

/** When drift is looked for the next time, in milliseconds since 1970; undefined: never. */
export function driftDueMs(record: Pick<ReplicationRow, 'settings' | 'drift_checked_at' | 'created_at'>) {
  const everyMs = parseDuration(fullSettings(record).driftEvery)
  if (everyMs === 0) return undefined
  return Date.parse(record.drift_checked_at ?? record.created_at) + everyMs
}
