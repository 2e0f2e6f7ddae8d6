import type { Migration } from './migration.ts'

/**
 * How large what a repository links is, beside the link: a page of repositories sums it from the index alone, where a look into every blob
 * and manifest took three times as long as a page may.
 */
export const linkSizes: Migration = {
  name: '0022-link-sizes',
  statements: (t) => [
    `ALTER TABLE repository_blobs ADD COLUMN size_bytes ${t.integer} NOT NULL DEFAULT 0`,
    `UPDATE repository_blobs SET size_bytes = (SELECT size_bytes FROM blobs WHERE digest = repository_blobs.digest)`,
    `CREATE INDEX repository_blobs_size ON repository_blobs (repository_id, size_bytes)`,
    `ALTER TABLE repository_manifests ADD COLUMN size_bytes ${t.integer} NOT NULL DEFAULT 0`,
    `UPDATE repository_manifests SET size_bytes = (SELECT size_bytes FROM manifests WHERE digest = repository_manifests.digest)`,
    `CREATE INDEX repository_manifests_size ON repository_manifests (repository_id, size_bytes)`,
  ],
}
