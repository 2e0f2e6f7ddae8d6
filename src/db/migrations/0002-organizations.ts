import type { Migration } from './migration.ts'

/** Who owns repositories, who belongs to whom, and the tokens that stand for people. User ids point into better-auth's tables. */
export const organizations: Migration = {
  name: '0002-organizations',
  statements: (t) => [
    `CREATE TABLE organizations (
      id ${t.text} PRIMARY KEY, name ${t.text} NOT NULL UNIQUE, quota_bytes ${t.integer}, created_at ${t.text} NOT NULL)`,
    `CREATE TABLE members (
      organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE, user_id ${t.text} NOT NULL,
      role ${t.text} NOT NULL, created_at ${t.text} NOT NULL, PRIMARY KEY (organization_id, user_id))`,
    `CREATE INDEX members_user ON members (user_id)`,
    `CREATE TABLE tokens (
      id ${t.text} PRIMARY KEY, user_id ${t.text} NOT NULL, label ${t.text} NOT NULL, scope ${t.text} NOT NULL,
      hash ${t.text} NOT NULL UNIQUE, created_at ${t.text} NOT NULL, expires_at ${t.text}, last_used_at ${t.text})`,
    `CREATE INDEX tokens_user ON tokens (user_id)`,
    `CREATE TABLE refresh_tokens (
      id ${t.text} PRIMARY KEY, hash ${t.text} NOT NULL UNIQUE, user_id ${t.text} NOT NULL,
      token_id ${t.text} REFERENCES tokens (id) ON DELETE CASCADE, service ${t.text} NOT NULL,
      created_at ${t.text} NOT NULL, expires_at ${t.text} NOT NULL)`,
  ],
}
