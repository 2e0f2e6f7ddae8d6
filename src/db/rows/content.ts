/** Blobs, manifests, tags, uploads, and what is counted of them. */
import type { Generated } from 'kysely'
import type { Flag } from './flag.ts'
import type { Damage } from './storage-checks.ts'

export interface BlobRow {
  digest: string
  size_bytes: number
  storage_key: string
  touched_at: string
  /** Null: it is sound, as far as is known. Damaged content is not served. */
  damage: Damage | null
}

export interface BlobTombstoneRow {
  storage_key: string
  deleted_at: string
  /** Of the object. */
  size_bytes: Generated<number>
}

/** A manifest that something held once; see migration 0050. */
export interface SupersededManifestRow {
  repository_id: string
  digest: string
  since: string | null
  /** `deleted`: a person deleted what held it; `parent`: what held it was collected; null: tags moved on, or a mirror left it. */
  cause: 'deleted' | 'parent' | null
  /** When somebody last asked for it while it was doomed. */
  touched_at: string | null
}

/** A garbage collection; counts are of what is gone. */
export interface CollectionRow {
  id: string
  /** Null: the server, by its schedule. */
  requested_by: string | null
  ignores_grace: Flag
  generation: number
  started_at: string
  ended_at: string | null
  manifests: number
  blobs: number
  objects: number
  freed_bytes: number
  problem: string | null
}

export interface StorageHoldRow {
  id: string
  since: string
  expires_at: string
}

export interface ManifestRow {
  digest: string
  size_bytes: number
  bytes: Uint8Array
  subject_digest: string | null
  artifact_type: string | null
  annotations: string | null
  created_at: string
  /** As of a blob. */
  damage: Damage | null
}

export type ReferenceKind = 'config' | 'layer' | 'child' | 'subject'

export interface ManifestReferenceRow {
  parent_digest: string
  position: number
  kind: ReferenceKind
  digest: string
  media_type: string
  size_bytes: number
  platform: string | null
}

export interface RepositoryManifestRow {
  repository_id: string
  digest: string
  media_type: string
  subject_digest: string | null
  pushed_at: string | null
  mirrored_at: string | null
  published_at: string | null
  /** Of the manifest. */
  size_bytes: number
  /** What it is to what it hangs on: the bits of `oci/attested.ts`, a fact of its bytes. Null: not read yet. */
  attested: number | null
  /** Since when it is to go, unless somebody asks for it. */
  doomed_at: Generated<string | null>
}

export interface RepositoryBlobRow {
  repository_id: string
  digest: string
  published_at: string | null
  /** When it was linked, or somebody last asked for it (not each time). */
  linked_at: string
  /** Of the blob. */
  size_bytes: number
  /** Since when it is to go, unless somebody asks for it. */
  doomed_at: Generated<string | null>
}

export interface TagRow {
  repository_id: string
  name: string
  digest: string
  moved_at: string
}

export interface TagHistoryRow {
  id: string
  organization_id: string
  repository_id: string
  tag: string
  from_digest: string | null
  to_digest: string | null
  at: string
  actor: string
  run_id: string | null
  /** Why, for people. */
  reason: string
}

export interface UploadSessionRow {
  id: string
  repository_id: string
  subject: string
  offset_bytes: number
  created_at: string
  updated_at: string
  writer: string | null
  stage_id: string | null
}

export interface OrganizationUsageRow {
  organization_id: string
  linked_bytes: number
  counted_at: string
}

/** What is not yet added to `OrganizationUsageRow`. */
export interface OrganizationUsageChangeRow {
  seq: Generated<number>
  organization_id: string
  bytes: number
}

export interface StageReservationRow {
  stage_id: string
  organization_id: string
  bytes: number
  at: string
}

/** What changed from one image to another; a fact of all that its key is made of. */
export interface ImageDifferenceRow {
  key: string
  at: string
  /** JSON. */
  difference: string
}
