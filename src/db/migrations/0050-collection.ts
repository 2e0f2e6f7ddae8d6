import type { Migration } from './migration.ts'

/**
 * What garbage collection goes by (record 68). `superseded_manifests`: manifests of a repository that something held once (a tag, a parent, a
 * subject) and may hold no longer; `since` is when the collector first found that nothing holds it, NULL: something does, or nobody has looked.
 * `doomed_at`: a link that goes unless somebody asks for it before. `keep_superseded_*` NULL: as the server's settings say.
 */
export const collection: Migration = {
  name: '0050-collection',
  statements: (t) => [
    `CREATE TABLE superseded_manifests (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, digest ${t.text} NOT NULL, since ${t.text},
      cause ${t.text}, touched_at ${t.text}, PRIMARY KEY (repository_id, digest))`,
    `CREATE INDEX superseded_manifests_since ON superseded_manifests (repository_id, since)`,
    `INSERT INTO superseded_manifests (repository_id, digest)
      SELECT DISTINCT link.repository_id, link.digest FROM repository_manifests link
      JOIN tag_history past ON past.repository_id = link.repository_id AND past.from_digest = link.digest`,
    `CREATE INDEX tag_history_to ON tag_history (repository_id, to_digest)`,
    `ALTER TABLE repository_manifests ADD COLUMN doomed_at ${t.text}`,
    `ALTER TABLE repository_blobs ADD COLUMN doomed_at ${t.text}`,
    `ALTER TABLE blob_tombstones ADD COLUMN size_bytes ${t.integer} NOT NULL DEFAULT 0`,
    `CREATE INDEX blob_tombstones_deleted ON blob_tombstones (deleted_at)`,
    `CREATE INDEX fetched_content_digest ON fetched_content (digest)`,
    `ALTER TABLE repositories ADD COLUMN keep_superseded_newest ${t.integer}`,
    `ALTER TABLE repositories ADD COLUMN keep_superseded_days ${t.integer}`,
    `ALTER TABLE repositories ADD COLUMN keep_superseded_days_after_pull ${t.integer}`,
    // Collections, whoever asked for them: the newest are kept. `generation` of the lease under which it runs.
    `CREATE TABLE collections (
      id ${t.text} PRIMARY KEY, requested_by ${t.text}, ignores_grace ${t.integer} NOT NULL, generation ${t.integer} NOT NULL,
      started_at ${t.text} NOT NULL, ended_at ${t.text}, manifests ${t.integer} NOT NULL, blobs ${t.integer} NOT NULL,
      objects ${t.integer} NOT NULL, freed_bytes ${t.integer} NOT NULL, problem ${t.text})`,
    `CREATE INDEX collections_started ON collections (started_at, id)`,
  ],
}
