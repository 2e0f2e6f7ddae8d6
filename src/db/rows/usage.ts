/** What is pulled and stored over time. */

export type Per = 'hour' | 'day'

/** Counts of one hour or day. */
interface PeriodColumns {
  per: Per
  /** When it begins. */
  at: string
  /** Manifests of images that clients fetched. */
  pulls: number
  /** Looks at what is there: HEAD, and lists of platforms. */
  checks: number
  /** Bytes of blobs and manifests that were sent. */
  bytes: number
  /** What was stored when it was last looked at; null: nobody has. */
  stored_bytes: number | null
}

export interface RepositoryPeriodRow extends PeriodColumns {
  repository_id: string
}

export interface OrganizationPeriodRow extends PeriodColumns {
  organization_id: string
}

export interface RepositoryPullsRow {
  repository_id: string
  pulls: number
  last_pulled_at: string | null
}

export interface TagPullsRow {
  repository_id: string
  tag: string
  /** How often it was asked for by its name. */
  pulls: number
  last_pulled_at: string
}

export interface ManifestPullsRow {
  repository_id: string
  digest: string
  last_pulled_at: string
}
