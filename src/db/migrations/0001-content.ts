import type { Migration } from './migration.ts'

/** Repositories and what is in them. `published_at` NULL = staged: stored, not yet served under `/v2`. */
export const content: Migration = {
  name: '0001-content',
  statements: (t) => [
    // storage_key = digest + random suffix, never used twice; so no order of collector and uploader loses content.
    `CREATE TABLE blobs (
      digest ${t.text} PRIMARY KEY, size_bytes ${t.integer} NOT NULL, storage_key ${t.text} NOT NULL UNIQUE,
      touched_at ${t.text} NOT NULL)`,
    `CREATE INDEX blobs_touched ON blobs (touched_at)`,
    `CREATE TABLE blob_tombstones (storage_key ${t.text} PRIMARY KEY, deleted_at ${t.text} NOT NULL)`,
    // Bytes and what they refer to depend on the digest alone, so they are shared by all repositories.
    `CREATE TABLE manifests (
      digest ${t.text} PRIMARY KEY, size_bytes ${t.integer} NOT NULL, bytes ${t.bytes} NOT NULL,
      subject_digest ${t.text}, artifact_type ${t.text}, annotations ${t.text}, created_at ${t.text} NOT NULL)`,
    `CREATE TABLE manifest_references (
      parent_digest ${t.text} NOT NULL REFERENCES manifests (digest) ON DELETE CASCADE, position ${t.integer} NOT NULL,
      kind ${t.text} NOT NULL, digest ${t.text} NOT NULL, media_type ${t.text} NOT NULL, size_bytes ${t.integer} NOT NULL,
      platform ${t.text}, PRIMARY KEY (parent_digest, position))`,
    `CREATE INDEX manifest_references_digest ON manifest_references (digest)`,
    `CREATE TABLE repositories (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL, name ${t.text} NOT NULL UNIQUE,
      visibility ${t.text} NOT NULL, description ${t.text} NOT NULL, allow_sparse ${t.integer} NOT NULL,
      immutable_tags ${t.text} NOT NULL, immutable_patterns ${t.text} NOT NULL, archived_at ${t.text},
      created_at ${t.text} NOT NULL, updated_at ${t.text} NOT NULL)`,
    `CREATE INDEX repositories_organization ON repositories (organization_id, name)`,
    `CREATE TABLE repository_manifests (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
      digest ${t.text} NOT NULL REFERENCES manifests (digest), media_type ${t.text} NOT NULL, subject_digest ${t.text},
      pushed_at ${t.text}, mirrored_at ${t.text}, published_at ${t.text}, last_pulled_at ${t.text},
      PRIMARY KEY (repository_id, digest))`,
    `CREATE INDEX repository_manifests_subject ON repository_manifests (repository_id, subject_digest, digest)`,
    `CREATE INDEX repository_manifests_digest ON repository_manifests (digest)`,
    `CREATE TABLE repository_blobs (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
      digest ${t.text} NOT NULL REFERENCES blobs (digest), published_at ${t.text}, linked_at ${t.text} NOT NULL,
      PRIMARY KEY (repository_id, digest))`,
    `CREATE INDEX repository_blobs_digest ON repository_blobs (digest)`,
    `CREATE TABLE tags (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, name ${t.text} NOT NULL,
      digest ${t.text} NOT NULL, moved_at ${t.text} NOT NULL, PRIMARY KEY (repository_id, name))`,
    `CREATE INDEX tags_digest ON tags (repository_id, digest)`,
    `CREATE TABLE tag_history (
      id ${t.text} PRIMARY KEY, repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
      tag ${t.text} NOT NULL, from_digest ${t.text}, to_digest ${t.text}, at ${t.text} NOT NULL, actor ${t.text} NOT NULL,
      run_id ${t.text})`,
    `CREATE INDEX tag_history_tag ON tag_history (repository_id, tag, at)`,
    `CREATE TABLE upload_sessions (
      id ${t.text} PRIMARY KEY, repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
      subject ${t.text} NOT NULL, offset_bytes ${t.integer} NOT NULL, created_at ${t.text} NOT NULL, updated_at ${t.text} NOT NULL)`,
    `CREATE INDEX upload_sessions_updated ON upload_sessions (updated_at)`,
    // The one log of what happened; on PostgreSQL seq is given out under a lock, so commit order = seq order.
    `CREATE TABLE events (
      seq ${t.serial}, id ${t.text} NOT NULL UNIQUE, kind ${t.text} NOT NULL, organization_id ${t.text} NOT NULL,
      repository_id ${t.text}, actor ${t.text} NOT NULL, at ${t.text} NOT NULL, payload ${t.text} NOT NULL)`,
    `CREATE INDEX events_repository ON events (repository_id, seq)`,
    `CREATE TABLE leases (
      key ${t.text} PRIMARY KEY, generation ${t.integer} NOT NULL, holder ${t.text}, expires_at ${t.text} NOT NULL)`,
    `CREATE TABLE instance_settings (key ${t.text} PRIMARY KEY, value ${t.text} NOT NULL)`,
  ],
}
