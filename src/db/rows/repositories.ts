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
  created_at: string
  updated_at: string
}
