import type { Migration } from './migration.ts'

/**
 * Referrers that upstream no longer lists: since when has to outlive the process, so that their grace is the same for all. And which lists a
 * referrers API has answered.
 */
export const unlisted: Migration = {
  name: '0025-unlisted',
  statements: (t) => [
    // A referrers API that is gone is no registry without one.
    `ALTER TABLE mirror_subjects ADD COLUMN by_api ${t.integer} NOT NULL DEFAULT 0`,
    `CREATE TABLE mirror_unlisted (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, digest ${t.text} NOT NULL,
      subject_digest ${t.text} NOT NULL, since ${t.text} NOT NULL, accepted ${t.integer} NOT NULL DEFAULT 0,
      replaced ${t.integer} NOT NULL DEFAULT 0,
      PRIMARY KEY (mirror_id, digest))`,
  ],
}
