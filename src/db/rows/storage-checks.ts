/** What of the stored content is damaged, and the checks that look for it. */
import type { Flag } from './flag.ts'

/** `short`: fewer bytes than it should have. */
export type Damage = 'missing' | 'short' | 'corrupt'

export interface DamagedContentRow {
  kind: 'blob' | 'manifest' | 'reference'
  digest: string
  damage: Damage
  found_at: string
  checked_at: string
  /** Why it was not repaired; null: nobody has tried. */
  why: string | null
}

export interface StorageCheckRow {
  id: string
  state: 'running' | 'done' | 'failed'
  repair: Flag
  /** Bytes in a second, at most; null: as fast as it goes. */
  rate_bytes: number | null
  started_by: string
  started_at: string
  ended_at: string | null
  phase: 'blobs' | 'manifests' | 'references' | 'repair' | 'done'
  /** Key of the last item of the phase that was checked; empty at its start. */
  position: string
  checked: number
  bytes: number
  repaired: number
  error: string | null
}
