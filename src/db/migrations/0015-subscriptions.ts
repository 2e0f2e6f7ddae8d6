import type { Migration } from './migration.ts'

/** Whole catalogs that organizations mirror: what was asked for, and each entry of the catalog with what became of it. */
export const subscriptions: Migration = {
  name: '0015-subscriptions',
  statements: (t) => [
    // first_runs_until: when the last first run of its mirrors is planned.
    // match_globs, except_globs, repositories (null: the catalog's), settings, pending: JSON. listed: entries of the catalog at the last good read.
    `CREATE TABLE subscriptions (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      upstream_id ${t.text} NOT NULL REFERENCES upstreams (id), match_globs ${t.text} NOT NULL, except_globs ${t.text} NOT NULL,
      repositories ${t.text}, adopt ${t.integer} NOT NULL, settings ${t.text} NOT NULL,
      state ${t.text} NOT NULL, cause ${t.text}, problem ${t.text}, reason ${t.text}, since ${t.text} NOT NULL,
      created_at ${t.text} NOT NULL, listed ${t.integer}, read_at ${t.text}, next_read_at ${t.text}, failed_reads ${t.integer} NOT NULL,
      accept_shrink ${t.integer} NOT NULL, first_runs_until ${t.text}, version ${t.integer} NOT NULL, work_due ${t.integer} NOT NULL, pending ${t.text})`,
    `CREATE INDEX subscriptions_organization ON subscriptions (organization_id)`,
    // matched: the globs take it. listed: the catalog had it at the last good read. made: it has had its mirror, which people may have
    // removed since. due: to be looked at. code and reason: why it has none.
    `CREATE TABLE subscription_entries (
      subscription_id ${t.text} NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE, repository ${t.text} NOT NULL,
      matched ${t.integer} NOT NULL, listed ${t.integer} NOT NULL, made ${t.integer} NOT NULL, due ${t.integer} NOT NULL,
      code ${t.text}, reason ${t.text}, since ${t.text} NOT NULL, PRIMARY KEY (subscription_id, repository))`,
    `CREATE INDEX subscription_entries_due ON subscription_entries (subscription_id, repository) WHERE due = 1`,
    `ALTER TABLE mirrors ADD COLUMN subscription_id ${t.text} REFERENCES subscriptions (id) ON DELETE SET NULL`,
    `CREATE INDEX mirrors_subscription ON mirrors (subscription_id, source_repository)`,
  ],
}
