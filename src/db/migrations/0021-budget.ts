import type { Migration } from './migration.ts'

/**
 * How fast an upstream may be asked, and what registries said of how often they may be, under keys that tell no credential.
 */
export const budget: Migration = {
  name: '0021-budget',
  statements: (t) => [
    `ALTER TABLE upstreams ADD COLUMN max_rate ${t.text} NOT NULL DEFAULT '[]'`,
    `CREATE TABLE learned_budgets (
      account ${t.text} NOT NULL PRIMARY KEY, learned ${t.text} NOT NULL, learned_at ${t.text} NOT NULL)`,
  ],
}
