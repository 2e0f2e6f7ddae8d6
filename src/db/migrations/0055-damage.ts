import type { Migration } from './migration.ts'

/**
 * What is stored and is not what it should be. `damage` beside the content: NULL it is sound, else it is not served (`missing`, `short`,
 * `corrupt`). `damaged_content`: the same for lists, by `kind` (`blob`, `manifest`; `reference`: content that a published manifest names and
 * its repository lacks), with why it could not be repaired. `storage_checks`: runs over all that is stored, each with how far it has come.
 */
export const damage: Migration = {
  name: '0055-damage',
  statements: (t) => [
    `ALTER TABLE blobs ADD COLUMN damage ${t.text}`,
    `ALTER TABLE manifests ADD COLUMN damage ${t.text}`,
    `CREATE INDEX blobs_damaged ON blobs (digest) WHERE damage IS NOT NULL`,
    `CREATE INDEX manifests_damaged ON manifests (digest) WHERE damage IS NOT NULL`,
    `CREATE TABLE damaged_content (
      kind ${t.text} NOT NULL, digest ${t.text} NOT NULL, damage ${t.text} NOT NULL, found_at ${t.text} NOT NULL,
      checked_at ${t.text} NOT NULL, why ${t.text}, PRIMARY KEY (kind, digest))`,
    `CREATE TABLE storage_checks (
      id ${t.text} PRIMARY KEY, state ${t.text} NOT NULL, repair ${t.integer} NOT NULL, rate_bytes ${t.integer}, started_by ${t.text} NOT NULL,
      started_at ${t.text} NOT NULL, ended_at ${t.text}, phase ${t.text} NOT NULL, position ${t.text} NOT NULL, checked ${t.integer} NOT NULL,
      bytes ${t.integer} NOT NULL, repaired ${t.integer} NOT NULL, error ${t.text})`,
    `CREATE INDEX storage_checks_started ON storage_checks (started_at)`,
  ],
}
