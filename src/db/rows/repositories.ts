/** Repositories. */
import type { Flag } from './flag.ts'

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
  /** Superseded content that is kept: how many manifests, for how long, and for how long after its last pull; null: by the server's settings. */
  keep_superseded_newest: number | null
  keep_superseded_days: number | null
  keep_superseded_days_after_pull: number | null
  created_at: string
  updated_at: string
}
