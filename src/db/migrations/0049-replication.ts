import type { Migration } from './migration.ts'

/**
 * Registries that are written to (`targets`), what each is known to hold (`target_content`; `committed`: a manifest that is there names the
 * blob), repositories of ours that are kept in sync out to one (`replications`), and rules that make them for repositories by their names.
 * Runs, tags and counters are those of mirrors, of the other direction.
 */
export const replication: Migration = {
  name: '0049-replication',
  statements: (t) => [
    `CREATE TABLE targets (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} REFERENCES organizations (id) ON DELETE CASCADE, name ${t.text} NOT NULL,
      url ${t.text} NOT NULL, kind ${t.text}, sign_in ${t.text} NOT NULL, sign_in_settings ${t.text} NOT NULL, username ${t.text},
      sealed_password ${t.text}, ca ${t.text}, plain_http ${t.integer} NOT NULL, max_rate ${t.text} NOT NULL, created_at ${t.text} NOT NULL)`,
    `CREATE UNIQUE INDEX targets_name ON targets (coalesce(organization_id, ''), name)`,
    `CREATE TABLE target_content (
      target_id ${t.text} NOT NULL REFERENCES targets (id) ON DELETE CASCADE, repository ${t.text} NOT NULL, digest ${t.text} NOT NULL,
      kind ${t.text} NOT NULL, committed ${t.integer} NOT NULL, seen_at ${t.text} NOT NULL,
      PRIMARY KEY (target_id, repository, digest))`,
    `CREATE INDEX target_content_digest ON target_content (target_id, digest)`,
    `CREATE TABLE replication_rules (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      target_id ${t.text} NOT NULL REFERENCES targets (id), globs ${t.text} NOT NULL, name_template ${t.text} NOT NULL,
      settings ${t.text} NOT NULL, reason ${t.text}, checked_at ${t.text}, created_by ${t.text} NOT NULL, created_at ${t.text} NOT NULL)`,
    `CREATE TABLE replications (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, target_id ${t.text} NOT NULL REFERENCES targets (id),
      target_repository ${t.text} NOT NULL, rule_id ${t.text} REFERENCES replication_rules (id) ON DELETE SET NULL, state ${t.text} NOT NULL,
      reason ${t.text}, since ${t.text} NOT NULL, settings ${t.text} NOT NULL, created_at ${t.text} NOT NULL, next_run_at ${t.text},
      full_due ${t.integer} NOT NULL, changed_since ${t.text}, looked_at ${t.text}, succeeded_at ${t.text}, drift_checked_at ${t.text},
      drifted ${t.integer} NOT NULL, UNIQUE (repository_id, target_id, target_repository))`,
    `CREATE INDEX replications_due ON replications (next_run_at)`,
    `CREATE INDEX replications_target ON replications (target_id, target_repository)`,
    `CREATE TABLE replication_pauses (
      replication_id ${t.text} NOT NULL REFERENCES replications (id) ON DELETE CASCADE, cause ${t.text} NOT NULL, detail ${t.text},
      since ${t.text} NOT NULL, PRIMARY KEY (replication_id, cause))`,
    `CREATE TABLE replication_tags (
      replication_id ${t.text} NOT NULL REFERENCES replications (id) ON DELETE CASCADE, tag ${t.text} NOT NULL, local_digest ${t.text},
      target_digest ${t.text}, synced_digest ${t.text}, content ${t.text}, state ${t.text} NOT NULL, reason ${t.text},
      checked_at ${t.text} NOT NULL, PRIMARY KEY (replication_id, tag))`,
    `CREATE TABLE replication_runs (
      id ${t.text} PRIMARY KEY, replication_id ${t.text} NOT NULL REFERENCES replications (id) ON DELETE CASCADE, trigger ${t.text} NOT NULL,
      "full" ${t.integer} NOT NULL, outcome ${t.text} NOT NULL, generation ${t.integer} NOT NULL, started_at ${t.text} NOT NULL,
      began_at ${t.text}, ended_at ${t.text}, counts ${t.text} NOT NULL, failures ${t.text} NOT NULL, tags ${t.text}, holder ${t.text},
      plan ${t.text}, progress ${t.text})`,
    `CREATE INDEX replication_runs_replication ON replication_runs (replication_id, started_at)`,
    `CREATE INDEX replication_runs_running ON replication_runs (holder) WHERE outcome = 'running'`,
    `CREATE TABLE replication_run_items (
      run_id ${t.text} NOT NULL REFERENCES replication_runs (id) ON DELETE CASCADE, position ${t.integer} NOT NULL, action ${t.text} NOT NULL,
      tag ${t.text}, from_digest ${t.text}, to_digest ${t.text}, digest ${t.text}, code ${t.text}, message ${t.text} NOT NULL, at ${t.text},
      PRIMARY KEY (run_id, position))`,
    `CREATE TABLE replication_counters (
      replication_id ${t.text} NOT NULL REFERENCES replications (id) ON DELETE CASCADE, counter ${t.text} NOT NULL, label ${t.text} NOT NULL,
      total ${t.integer} NOT NULL, PRIMARY KEY (replication_id, counter, label))`,
    `INSERT INTO event_cursors SELECT 'replications', coalesce(max(seq), 0) FROM events`,
  ],
}
