import type { Migration } from './migration.ts'

/**
 * Why mirrors are paused, each cause apart, so that the end of one leaves the others; what people set for a mirror; and whether its next
 * run looks at everything anew.
 */
export const life: Migration = {
  name: '0013-life',
  statements: (t) => [
    `CREATE TABLE mirror_pauses (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, cause ${t.text} NOT NULL, detail ${t.text},
      since ${t.text} NOT NULL, PRIMARY KEY (mirror_id, cause))`,
    `ALTER TABLE mirrors ADD COLUMN settings ${t.text} NOT NULL DEFAULT '{}'`,
    `ALTER TABLE mirrors ADD COLUMN full_due ${t.integer} NOT NULL DEFAULT 0`,
    // Mirrors that a public or archived repository stopped for good come back as paused: they resume with the repository.
    `INSERT INTO mirror_pauses (mirror_id, cause, detail, since)
      SELECT id, 'public', NULL, since FROM mirrors WHERE state = 'stopped' AND reason = 'the repository was made public'`,
    `INSERT INTO mirror_pauses (mirror_id, cause, detail, since)
      SELECT id, 'archived', NULL, since FROM mirrors WHERE state = 'stopped' AND reason = 'the repository was archived'`,
    `UPDATE mirrors SET state = 'degraded', full_due = 1 WHERE id IN (SELECT mirror_id FROM mirror_pauses)`,
  ],
}
