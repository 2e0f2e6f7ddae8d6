import type { Migration } from './migration.ts'

const counts = (integer: string) =>
  `pulls ${integer} NOT NULL, checks ${integer} NOT NULL, bytes ${integer} NOT NULL, stored_bytes ${integer}`

/**
 * What is pulled and stored, by hour (kept for days) and by day (kept for more than a year); of a repository, and of an organization, whose
 * numbers outlive its repositories. `at` is when the hour or day begins. And when each tag and manifest was last asked for: rows of their own,
 * so that the counts of pulls meet no pass of a mirror. An organization's moves are read without looking at those of others.
 */
export const usageOverTime: Migration = {
  name: '0042-usage-over-time',
  statements: (t) => [
    `CREATE TABLE repository_periods (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, per ${t.text} NOT NULL, at ${t.text} NOT NULL,
      ${counts(t.integer)}, PRIMARY KEY (repository_id, per, at))`,
    `CREATE INDEX repository_periods_at ON repository_periods (per, at)`,
    `CREATE TABLE organization_periods (
      organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE, per ${t.text} NOT NULL, at ${t.text} NOT NULL,
      ${counts(t.integer)}, PRIMARY KEY (organization_id, per, at))`,
    `CREATE INDEX organization_periods_at ON organization_periods (per, at)`,
    `CREATE TABLE repository_pulls (
      repository_id ${t.text} PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE, pulls ${t.integer} NOT NULL,
      last_pulled_at ${t.text})`,
    `CREATE TABLE tag_pulls (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, tag ${t.text} NOT NULL,
      pulls ${t.integer} NOT NULL, last_pulled_at ${t.text} NOT NULL, PRIMARY KEY (repository_id, tag))`,
    `CREATE TABLE manifest_pulls (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, digest ${t.text} NOT NULL,
      last_pulled_at ${t.text} NOT NULL, PRIMARY KEY (repository_id, digest))`,
    // It was never written.
    `ALTER TABLE repository_manifests DROP COLUMN last_pulled_at`,
    `ALTER TABLE tag_history ADD COLUMN organization_id ${t.text} NOT NULL DEFAULT ''`,
    `UPDATE tag_history SET organization_id =
      coalesce((SELECT organization_id FROM repositories WHERE repositories.id = tag_history.repository_id), '')`,
    `CREATE INDEX tag_history_organization ON tag_history (organization_id, at, id)`,
    // Runs that have just ended, for those who watch.
    `CREATE INDEX sync_runs_ended ON sync_runs (ended_at) WHERE ended_at IS NOT NULL`,
  ],
}
