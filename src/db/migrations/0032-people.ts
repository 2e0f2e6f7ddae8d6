import type { Migration } from './migration.ts'

/** Invitations by link (their secrets hashed), second factors (secrets sealed, recovery codes hashed), and from where people signed in. */
export const people: Migration = {
  name: '0032-people',
  statements: (t) => [
    `CREATE TABLE invitations (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      role ${t.text} NOT NULL, email ${t.text}, hash ${t.text} NOT NULL UNIQUE,
      created_by ${t.text} NOT NULL REFERENCES users (id) ON DELETE CASCADE, created_at ${t.text} NOT NULL,
      expires_at ${t.text} NOT NULL, ended_at ${t.text}, outcome ${t.text}, accepted_by ${t.text})`,
    `CREATE INDEX invitations_organization ON invitations (organization_id, id)`,
    `CREATE INDEX invitations_created ON invitations (organization_id, created_at)`,
    `CREATE INDEX invitations_creator ON invitations (created_by)`,
    `CREATE TABLE two_factors (
      user_id ${t.text} PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, secret ${t.text} NOT NULL,
      created_at ${t.text} NOT NULL, confirmed_at ${t.text}, last_step ${t.integer})`,
    `CREATE TABLE recovery_codes (
      user_id ${t.text} NOT NULL REFERENCES users (id) ON DELETE CASCADE, hash ${t.text} NOT NULL,
      PRIMARY KEY (user_id, hash))`,
    `ALTER TABLE refresh_tokens ADD COLUMN address ${t.text}`,
    `ALTER TABLE refresh_tokens ADD COLUMN user_agent ${t.text}`,
    `ALTER TABLE refresh_tokens ADD COLUMN last_used_at ${t.text}`,
  ],
}
