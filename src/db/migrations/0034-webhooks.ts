import type { Migration } from './migration.ts'

/**
 * Webhooks, of a repository or of a whole organization (`owner_id` is whichever of the two it is; secrets and header values sealed), what is to
 * be delivered to each, every attempt, and counts that outlive them. How far the readers of the log have come: from today on for webhooks.
 * A delivery that waits in line for its first attempt has its place there (`line`); one that is tried again has a time (`due_at`).
 */
export const webhooks: Migration = {
  name: '0034-webhooks',
  statements: (t) => [
    `CREATE TABLE webhooks (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      repository_id ${t.text} REFERENCES repositories (id) ON DELETE CASCADE, owner_id ${t.text} NOT NULL, name ${t.text} NOT NULL,
      url ${t.text} NOT NULL, repositories ${t.text} NOT NULL, events ${t.text} NOT NULL, tags ${t.text} NOT NULL,
      changed_only ${t.integer} NOT NULL, header_names ${t.text} NOT NULL, sealed_headers ${t.text}, sealed_secret ${t.text} NOT NULL,
      sealed_old_secret ${t.text}, old_secret_until ${t.text}, format ${t.text} NOT NULL,
      after_id ${t.text} REFERENCES webhooks (id) ON DELETE SET NULL, plain_http ${t.integer} NOT NULL, coalesce_moves ${t.integer} NOT NULL,
      initial_sync ${t.text} NOT NULL, enabled ${t.integer} NOT NULL, disabled_reason ${t.text}, failing_since ${t.text},
      from_seq ${t.integer} NOT NULL, created_by ${t.text} NOT NULL, created_at ${t.text} NOT NULL, updated_at ${t.text} NOT NULL,
      UNIQUE (owner_id, name))`,
    `CREATE INDEX webhooks_organization ON webhooks (organization_id)`,
    `CREATE INDEX webhooks_repository ON webhooks (repository_id)`,
    `CREATE INDEX webhooks_after ON webhooks (after_id)`,
    `CREATE TABLE webhook_deliveries (
      id ${t.text} PRIMARY KEY, webhook_id ${t.text} NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
      event_seq ${t.integer} NOT NULL, event_id ${t.text} NOT NULL, kind ${t.text} NOT NULL, event_at ${t.text} NOT NULL,
      repository_id ${t.text}, tag ${t.text}, from_digest ${t.text}, line ${t.integer}, due_at ${t.text}, waits ${t.integer} NOT NULL,
      status ${t.text} NOT NULL, reason ${t.text}, error ${t.text}, attempts ${t.integer} NOT NULL, tries ${t.integer} NOT NULL,
      created_at ${t.text} NOT NULL, expires_at ${t.text} NOT NULL, finished_at ${t.text}, callback_state ${t.text},
      callback_description ${t.text}, callback_context ${t.text}, callback_target_url ${t.text}, callback_at ${t.text})`,
    `CREATE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_seq, id)`,
    `CREATE INDEX webhook_deliveries_line ON webhook_deliveries (webhook_id, line) WHERE line IS NOT NULL`,
    `CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL`,
    `CREATE INDEX webhook_deliveries_open ON webhook_deliveries (webhook_id, expires_at) WHERE finished_at IS NULL`,
    `CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (webhook_id, finished_at) WHERE finished_at IS NOT NULL`,
    `CREATE TABLE webhook_attempts (
      delivery_id ${t.text} NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE, number ${t.integer} NOT NULL,
      at ${t.text} NOT NULL, status ${t.integer}, duration_ms ${t.integer} NOT NULL, reason ${t.text}, error ${t.text},
      request_headers ${t.text} NOT NULL, answer_headers ${t.text} NOT NULL, answer ${t.text} NOT NULL,
      PRIMARY KEY (delivery_id, number))`,
    `CREATE TABLE webhook_counters (
      counter ${t.text} NOT NULL, label ${t.text} NOT NULL, total ${t.integer} NOT NULL, PRIMARY KEY (counter, label))`,
    `CREATE TABLE event_cursors (consumer ${t.text} PRIMARY KEY, seq ${t.integer} NOT NULL)`,
    `INSERT INTO event_cursors SELECT 'webhooks', coalesce(max(seq), 0) FROM events`,
  ],
}
