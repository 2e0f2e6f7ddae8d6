import type { Migration } from './migration.ts'

/** Upstreams, the mirrors of their repositories, and what each pass saw and did. */
export const mirrors: Migration = {
  name: '0003-mirrors',
  statements: (t) => [
    `CREATE TABLE upstreams (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} REFERENCES organizations (id) ON DELETE CASCADE, name ${t.text} NOT NULL,
      url ${t.text} NOT NULL, username ${t.text}, sealed_password ${t.text}, ca ${t.text}, plain_http ${t.integer} NOT NULL,
      referrers_from ${t.text} REFERENCES upstreams (id), created_at ${t.text} NOT NULL)`,
    `CREATE UNIQUE INDEX upstreams_name ON upstreams (coalesce(organization_id, ''), name)`,
    `CREATE TABLE mirrors (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      repository_id ${t.text} NOT NULL UNIQUE REFERENCES repositories (id) ON DELETE CASCADE,
      upstream_id ${t.text} NOT NULL REFERENCES upstreams (id), source_repository ${t.text} NOT NULL,
      state ${t.text} NOT NULL, reason ${t.text}, since ${t.text} NOT NULL, created_at ${t.text} NOT NULL, next_run_at ${t.text})`,
    `CREATE INDEX mirrors_due ON mirrors (next_run_at)`,
    `CREATE TABLE sync_runs (
      id ${t.text} PRIMARY KEY, mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE,
      trigger ${t.text} NOT NULL, "full" ${t.integer} NOT NULL, outcome ${t.text} NOT NULL, generation ${t.integer} NOT NULL,
      started_at ${t.text} NOT NULL, ended_at ${t.text}, counts ${t.text} NOT NULL, failures ${t.text} NOT NULL)`,
    `CREATE INDEX sync_runs_mirror ON sync_runs (mirror_id, started_at)`,
    // The three-way rule: a sync moves a tag only if its local digest is the synced one, or already the upstream's.
    `CREATE TABLE mirror_tags (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, tag ${t.text} NOT NULL, head_digest ${t.text},
      upstream_digest ${t.text}, synced_digest ${t.text}, state ${t.text} NOT NULL, reason ${t.text}, checked_at ${t.text} NOT NULL,
      PRIMARY KEY (mirror_id, tag))`,
    `CREATE TABLE mirror_subjects (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, source ${t.text} NOT NULL,
      subject_digest ${t.text} NOT NULL, version ${t.text}, listed_at ${t.text} NOT NULL,
      PRIMARY KEY (mirror_id, source, subject_digest))`,
    `CREATE TABLE mirror_exclusions (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, digest ${t.text} NOT NULL, tags ${t.text} NOT NULL,
      excluded_at ${t.text} NOT NULL, PRIMARY KEY (mirror_id, digest))`,
    // Invariant 2: a mirror links without transfer only what its organization fetched from the same address and credential.
    `CREATE TABLE fetched_content (
      organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE, source ${t.text} NOT NULL,
      digest ${t.text} NOT NULL, fetched_at ${t.text} NOT NULL, PRIMARY KEY (organization_id, source, digest))`,
  ],
}
