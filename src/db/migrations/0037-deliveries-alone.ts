import type { Migration } from './migration.ts'

/**
 * Deliveries refer to no webhook that must be there: one that is deleted is gone at once, and what it leaves is removed bit by bit. `generation`
 * is raised by whoever decides anew what becomes of a delivery, so that an attempt that was under way changes nothing of that. What has
 * ended, and what is too old, is found without regard to webhooks.
 */
export const deliveriesAlone: Migration = {
  name: '0037-deliveries-alone',
  statements: (t) => [
    `CREATE TABLE deliveries_alone (
      id ${t.text} PRIMARY KEY, webhook_id ${t.text} NOT NULL,
      event_seq ${t.integer} NOT NULL, event_id ${t.text} NOT NULL, kind ${t.text} NOT NULL, event_at ${t.text} NOT NULL,
      repository_id ${t.text}, tag ${t.text}, from_digest ${t.text}, line ${t.integer}, due_at ${t.text}, waits ${t.integer} NOT NULL,
      status ${t.text} NOT NULL, reason ${t.text}, error ${t.text}, attempts ${t.integer} NOT NULL, tries ${t.integer} NOT NULL,
      created_at ${t.text} NOT NULL, expires_at ${t.text} NOT NULL, finished_at ${t.text}, callback_state ${t.text},
      callback_description ${t.text}, callback_context ${t.text}, callback_target_url ${t.text}, callback_at ${t.text},
      generation ${t.integer} NOT NULL)`,
    `INSERT INTO deliveries_alone SELECT
      id, webhook_id, event_seq, event_id, kind, event_at, repository_id, tag, from_digest, line, due_at, waits, status, reason, error, attempts,
      tries, created_at, expires_at, finished_at, callback_state, callback_description, callback_context, callback_target_url, callback_at, 0
      FROM webhook_deliveries`,
    `CREATE TABLE attempts_alone (
      delivery_id ${t.text} NOT NULL REFERENCES deliveries_alone (id) ON DELETE CASCADE, number ${t.integer} NOT NULL,
      at ${t.text} NOT NULL, status ${t.integer}, duration_ms ${t.integer} NOT NULL, reason ${t.text}, error ${t.text},
      request_headers ${t.text} NOT NULL, answer_headers ${t.text} NOT NULL, answer ${t.text} NOT NULL,
      PRIMARY KEY (delivery_id, number))`,
    `INSERT INTO attempts_alone SELECT
      delivery_id, number, at, status, duration_ms, reason, error, request_headers, answer_headers, answer FROM webhook_attempts`,
    `DROP TABLE webhook_attempts`,
    `DROP TABLE webhook_deliveries`,
    `ALTER TABLE deliveries_alone RENAME TO webhook_deliveries`,
    `ALTER TABLE attempts_alone RENAME TO webhook_attempts`,
    `CREATE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_seq, id)`,
    `CREATE INDEX webhook_deliveries_line ON webhook_deliveries (webhook_id, line) WHERE line IS NOT NULL`,
    `CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL`,
    `CREATE INDEX webhook_deliveries_open ON webhook_deliveries (webhook_id, expires_at) WHERE finished_at IS NULL`,
    `CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (webhook_id, finished_at) WHERE finished_at IS NOT NULL`,
    `CREATE INDEX webhook_deliveries_expires ON webhook_deliveries (expires_at) WHERE finished_at IS NULL`,
    `CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL`,
  ],
}
