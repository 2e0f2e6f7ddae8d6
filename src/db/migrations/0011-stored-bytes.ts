import type { Migration } from './migration.ts'

/** What an organization's quota is held against, so that no upload has to count everything that is stored. */
export const storedBytes: Migration = {
  name: '0011-stored-bytes',
  statements: (t) => [
    // Of organizations with a quota only. Never less than what they link; counted anew when a refusal would depend on it.
    `CREATE TABLE organization_usage (
      organization_id ${t.text} PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE, linked_bytes ${t.integer} NOT NULL,
      counted_at ${t.text} NOT NULL)`,
    // Bytes on their way in that no upload session's offset tells: bodies under way, downloads of mirrors.
    `CREATE TABLE stage_reservations (
      stage_id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      bytes ${t.integer} NOT NULL, at ${t.text} NOT NULL)`,
    `CREATE INDEX stage_reservations_organization ON stage_reservations (organization_id, bytes)`,
    `CREATE INDEX upload_sessions_repository ON upload_sessions (repository_id, offset_bytes)`,
  ],
}
