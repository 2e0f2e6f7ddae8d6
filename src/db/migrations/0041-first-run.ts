import type { Migration } from './migration.ts'

/**
 * Ways in that are printed where the data is: codes by which a page makes the first owner, and links that open a page signed in. Both are
 * here as their hashes alone. And where a sign-in by a provider leads: back to a page, or to a link with the account that began it.
 */
export const firstRun: Migration = {
  name: '0041-first-run',
  statements: (t) => [
    `CREATE TABLE setup_codes (hash ${t.text} PRIMARY KEY, created_at ${t.text} NOT NULL, ends_at ${t.text} NOT NULL)`,
    `CREATE TABLE sign_in_links (
      hash ${t.text} PRIMARY KEY, user_id ${t.text} NOT NULL REFERENCES users (id) ON DELETE CASCADE, created_at ${t.text} NOT NULL,
      ends_at ${t.text} NOT NULL)`,
    `CREATE INDEX sign_in_links_user ON sign_in_links (user_id)`,
    `ALTER TABLE sign_in_attempts ADD COLUMN next ${t.text}`,
    `ALTER TABLE sign_in_attempts ADD COLUMN user_id ${t.text} REFERENCES users (id) ON DELETE CASCADE`,
    `CREATE INDEX sign_in_attempts_user ON sign_in_attempts (user_id)`,
  ],
}
