import type { Migration } from './migration.ts'

/** Referrers that upstream no longer lists: since when has to outlive the process, so that their grace is the same for all. */
export const unlisted: Migration = {
  name: '0025-unlisted',
  statements: (t) => [
    `CREATE TABLE mirror_unlisted (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, digest ${t.text} NOT NULL,
      subject_digest ${t.text} NOT NULL, since ${t.text} NOT NULL, accepted ${t.integer} NOT NULL DEFAULT 0,
      replaced ${t.integer} NOT NULL DEFAULT 0,
      PRIMARY KEY (mirror_id, digest))`,
  ],
}
