import type { Migration } from './migration.ts'

/** People: better-auth's own tables (its columns, our snake_case names), which it fills and reads itself. */
export const accounts: Migration = {
  name: '0004-accounts',
  statements: (t) => [
    // is_operator is ours: better-auth neither reads nor writes it.
    `CREATE TABLE users (
      id ${t.text} PRIMARY KEY, name ${t.text} NOT NULL, email ${t.text} NOT NULL UNIQUE, email_verified ${t.boolean} NOT NULL,
      image ${t.text}, username ${t.text} UNIQUE, display_username ${t.text}, is_operator ${t.integer} NOT NULL DEFAULT 0,
      created_at ${t.timestamp} NOT NULL, updated_at ${t.timestamp} NOT NULL)`,
    `CREATE TABLE sessions (
      id ${t.text} PRIMARY KEY, user_id ${t.text} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      token ${t.text} NOT NULL UNIQUE, expires_at ${t.timestamp} NOT NULL, ip_address ${t.text}, user_agent ${t.text},
      created_at ${t.timestamp} NOT NULL, updated_at ${t.timestamp} NOT NULL)`,
    `CREATE INDEX sessions_user ON sessions (user_id)`,
    `CREATE TABLE accounts (
      id ${t.text} PRIMARY KEY, user_id ${t.text} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      account_id ${t.text} NOT NULL, provider_id ${t.text} NOT NULL, password ${t.text}, access_token ${t.text},
      refresh_token ${t.text}, id_token ${t.text}, access_token_expires_at ${t.timestamp},
      refresh_token_expires_at ${t.timestamp}, scope ${t.text}, created_at ${t.timestamp} NOT NULL,
      updated_at ${t.timestamp} NOT NULL)`,
    `CREATE INDEX accounts_user ON accounts (user_id)`,
    `CREATE TABLE verifications (
      id ${t.text} PRIMARY KEY, identifier ${t.text} NOT NULL, value ${t.text} NOT NULL, expires_at ${t.timestamp} NOT NULL,
      created_at ${t.timestamp} NOT NULL, updated_at ${t.timestamp} NOT NULL)`,
    `CREATE INDEX verifications_identifier ON verifications (identifier)`,
    // A wrong guess must find one row; a user's tokens go with the user.
    `CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id)`,
  ],
}
