import type { Migration } from './migration.ts'

/**
 * Who did what, and who was refused what. Changes are written in the transaction that they tell of; refused attempts are counted, so that
 * somebody who hammers makes no rows (`coalesced` names what counts as the same).
 */
export const audit: Migration = {
  name: '0031-audit',
  statements: (t) => [
    // organization_id NULL: the log of the instance.
    `CREATE TABLE audit_entries (
      seq ${t.serial}, organization_id ${t.text} REFERENCES organizations (id) ON DELETE CASCADE, at ${t.text} NOT NULL,
      actor ${t.text} NOT NULL, token ${t.text}, action ${t.text} NOT NULL, object ${t.text} NOT NULL, outcome ${t.text} NOT NULL,
      before_state ${t.text}, after_state ${t.text}, address ${t.text}, request_id ${t.text}, coalesced ${t.text})`,
    `CREATE INDEX audit_entries_organization ON audit_entries (organization_id, seq)`,
    `CREATE UNIQUE INDEX audit_entries_coalesced ON audit_entries (coalesced)`,
    // For what one account did of late, and for whoever has most in a log that is too long.
    `CREATE INDEX audit_entries_actor ON audit_entries (organization_id, actor, seq)`,
    // For what is older than the retention.
    `CREATE INDEX audit_entries_at ON audit_entries (at)`,
  ],
}
