import type { Migration } from './migration.ts'

/** What has to outlive a process so that an upstream that shrinks, flaps, or is slow with its attestations is judged the same by all. */
export const whims: Migration = {
  name: '0020-whims',
  statements: (t) => [
    `ALTER TABLE mirrors ADD COLUMN listed_tags ${t.integer}`,
    `ALTER TABLE mirror_tags ADD COLUMN absent_since ${t.text}`,
    `ALTER TABLE mirror_tags ADD COLUMN absent_accepted ${t.integer} NOT NULL DEFAULT 0`,
    // Tags that are away already have been away at least since the last look.
    `UPDATE mirror_tags SET absent_since = checked_at WHERE state = 'absent'`,
    `ALTER TABLE mirror_subjects ADD COLUMN changed_at ${t.text} NOT NULL DEFAULT ''`,
    `UPDATE mirror_subjects SET changed_at = listed_at`,
    `CREATE TABLE mirror_holds (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, digest ${t.text} NOT NULL,
      held_since ${t.text} NOT NULL, changed_at ${t.text} NOT NULL, fingerprint ${t.text} NOT NULL,
      PRIMARY KEY (mirror_id, digest))`,
  ],
}
