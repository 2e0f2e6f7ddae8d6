import type { Migration } from './migration.ts'

/**
 * What people keep mirrors from, apart from what passes saw of the tags: a pass under way can neither undo nor repeat a person's
 * decision. The tags that a run was limited to. And the prefix of default names, which for upstreams of before comes from their
 * address as it does for new ones.
 */
export const exclusions: Migration = {
  name: '0009-exclusions',
  statements: (t) => [
    // digest: the tag went with the manifest that was deleted by it. excluded_by is null for what an older version wrote down.
    `CREATE TABLE mirror_tag_exclusions (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, tag ${t.text} NOT NULL, digest ${t.text},
      reason ${t.text} NOT NULL, excluded_by ${t.text}, excluded_at ${t.text} NOT NULL, PRIMARY KEY (mirror_id, tag))`,
    // A tag that never came because its digest is excluded is none of them: passes find that out by themselves.
    `INSERT INTO mirror_tag_exclusions (mirror_id, tag, digest, reason, excluded_by, excluded_at)
      SELECT mirror_id, tag, NULL, 'deleted by a person', NULL, checked_at FROM mirror_tags
      WHERE state = 'excluded' AND (synced_digest IS NOT NULL OR reason = 'deleted by a person')`,
    `ALTER TABLE mirror_exclusions ADD COLUMN excluded_by ${t.text}`,
    `ALTER TABLE sync_runs ADD COLUMN tags ${t.text}`,
    `ALTER TABLE upstreams ADD COLUMN prefix ${t.text} NOT NULL DEFAULT ''`,
    // The rule of catalog/name-prefix.ts; the host is what stands between the scheme and the first slash.
    `UPDATE upstreams SET prefix = 'dhi-' WHERE
      (rtrim(url, '/') LIKE '%/dhi' AND lower(rtrim(url, '/')) NOT IN ('https://dhi', 'http://dhi'))
      OR lower(url) = 'dhi.io' OR lower(url) LIKE 'dhi.io/%' OR lower(url) LIKE 'dhi.io:%'
      OR lower(url) LIKE 'http://dhi.io' OR lower(url) LIKE 'http://dhi.io/%' OR lower(url) LIKE 'http://dhi.io:%'
      OR lower(url) LIKE 'https://dhi.io' OR lower(url) LIKE 'https://dhi.io/%' OR lower(url) LIKE 'https://dhi.io:%'`,
  ],
}
