import type { Migration } from './migration.ts'

/**
 * Why a tag moved, for every row of its history, those of before included. And tags that a person took back: pinned, a mirror leaves
 * them where they are until they are released.
 */
export const history: Migration = {
  name: '0018-history',
  statements: (t) => [
    `ALTER TABLE tag_history ADD COLUMN reason ${t.text} NOT NULL DEFAULT ''`,
    `UPDATE tag_history SET reason = CASE
      WHEN to_digest IS NULL THEN 'deleted by ' || CASE WHEN actor LIKE 'user:%' THEN substr(actor, 6) ELSE actor END
      WHEN run_id IS NULL THEN 'pushed'
      WHEN from_digest IS NULL THEN 'new at upstream'
      ELSE 'moved at upstream' END`,
    `CREATE INDEX tag_history_repository ON tag_history (repository_id, at, id)`,
    // For what is older than the retention.
    `CREATE INDEX tag_history_at ON tag_history (at)`,
    // The few that are not simply in step, of mirrors with 100,000 tags (`listOddTags` has these very words).
    `CREATE INDEX mirror_tags_odd ON mirror_tags (mirror_id, tag) WHERE state <> 'synced' OR reason IS NOT NULL`,
    // A decision of people, as exclusions are: passes never write here, and a mirror that is restarted finds it.
    `CREATE TABLE tag_pins (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, tag ${t.text} NOT NULL, digest ${t.text} NOT NULL,
      reason ${t.text} NOT NULL, pinned_by ${t.text} NOT NULL, pinned_at ${t.text} NOT NULL, PRIMARY KEY (mirror_id, tag))`,
  ],
}
