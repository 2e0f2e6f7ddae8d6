import type { Migration } from './migration.ts'

/**
 * How far each mirror is behind: since when a tag is not served as upstream has it, when upstream was last looked at and should have been.
 * And runs that are kept whole: what was planned, whose they are, how far they are, what they could not do; and counts that outlive them.
 */
export const freshness: Migration = {
  name: '0019-freshness',
  statements: (t) => [
    `ALTER TABLE mirror_tags ADD COLUMN behind_since ${t.text}`,
    `CREATE INDEX mirror_tags_behind ON mirror_tags (mirror_id, behind_since) WHERE behind_since IS NOT NULL`,
    `UPDATE mirror_tags SET behind_since = checked_at WHERE state IN ('pending', 'failed') AND upstream_digest IS NOT NULL`,
    // The last pass that could list all of upstream; when the one after it was due; since when the objective is missed.
    `ALTER TABLE mirrors ADD COLUMN looked_at ${t.text}`,
    `ALTER TABLE mirrors ADD COLUMN look_due_at ${t.text}`,
    `ALTER TABLE mirrors ADD COLUMN succeeded_at ${t.text}`,
    `ALTER TABLE mirrors ADD COLUMN missed_since ${t.text}`,
    `UPDATE mirrors SET looked_at = (SELECT MAX(ended_at) FROM sync_runs
      WHERE mirror_id = mirrors.id AND outcome IN ('done', 'partial') AND tags IS NULL)`,
    `UPDATE mirrors SET succeeded_at = (SELECT MAX(ended_at) FROM sync_runs
      WHERE mirror_id = mirrors.id AND outcome = 'done' AND tags IS NULL)`,
    `UPDATE mirrors SET look_due_at = COALESCE(next_run_at, since)`,
    // The process that the run is of: it is alive as long as its lease "server:<holder>" is.
    `ALTER TABLE sync_runs ADD COLUMN holder ${t.text}`,
    `ALTER TABLE sync_runs ADD COLUMN plan ${t.text}`,
    `ALTER TABLE sync_runs ADD COLUMN progress ${t.text}`,
    `CREATE INDEX sync_runs_running ON sync_runs (outcome) WHERE outcome = 'running'`,
    // What a run moved is in tag_history, durable with the move itself; this is the rest.
    `CREATE INDEX tag_history_run ON tag_history (run_id, id) WHERE run_id IS NOT NULL`,
    `CREATE TABLE sync_run_items (
      run_id ${t.text} NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE, position ${t.integer} NOT NULL,
      action ${t.text} NOT NULL, tag ${t.text}, digest ${t.text}, code ${t.text}, message ${t.text} NOT NULL,
      PRIMARY KEY (run_id, position))`,
    `CREATE TABLE mirror_counters (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, counter ${t.text} NOT NULL, label ${t.text} NOT NULL,
      total ${t.integer} NOT NULL, PRIMARY KEY (mirror_id, counter, label))`,
    `INSERT INTO mirror_counters (mirror_id, counter, label, total)
      SELECT mirror_id, 'runs', outcome, COUNT(*) FROM sync_runs WHERE outcome <> 'running' GROUP BY mirror_id, outcome`,
  ],
}
