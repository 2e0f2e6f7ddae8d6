import type { Migration } from './migration.ts'

/**
 * Wrong passwords of the last minutes, by account and network, so that all servers of one database count the same. One row a different
 * password: `guess` and `account` are keyed hashes, or a user's id. Not of `users`: names that nobody has are counted too.
 */
export const failedLogins: Migration = {
  name: '0010-failed-logins',
  statements: (t) => [
    `CREATE TABLE failed_logins (
      account ${t.text} NOT NULL, network ${t.text} NOT NULL, guess ${t.text} NOT NULL, failures ${t.integer} NOT NULL,
      ends_at ${t.text} NOT NULL, PRIMARY KEY (account, network, guess))`,
    `CREATE INDEX failed_logins_end ON failed_logins (ends_at)`,
  ],
}
