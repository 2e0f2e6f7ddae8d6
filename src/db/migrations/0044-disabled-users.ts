import type { Migration } from './migration.ts'

/** Accounts that an operator has closed: nothing that is theirs opens anything, and nothing of it is lost. */
export const disabledUsers: Migration = {
  name: '0044-disabled-users',
  statements: (t) => [`ALTER TABLE users ADD COLUMN disabled_at ${t.text}`],
}
