import type { Migration } from './migration.ts'

/**
 * What the servers on one database share: parts of a number of places (a row holds while the server's lease `server:<holder>` does), and
 * up to when a rate has been given out (microseconds since 1970). When a run had its place, so that its wait is told apart from its work.
 */
export const shares: Migration = {
  name: '0023-shares',
  statements: (t) => [
    `CREATE TABLE shared_portions (
      pool ${t.text} NOT NULL, holder ${t.text} NOT NULL, held ${t.integer} NOT NULL, wanted ${t.integer} NOT NULL,
      PRIMARY KEY (pool, holder))`,
    `CREATE TABLE shared_rates (name ${t.text} NOT NULL PRIMARY KEY, until_us ${t.integer} NOT NULL)`,
    `ALTER TABLE sync_runs ADD COLUMN began_at ${t.text}`,
    `ALTER TABLE upstreams ADD COLUMN has_own_rate ${t.integer} NOT NULL DEFAULT 0`,
    `UPDATE upstreams SET has_own_rate = 1 WHERE max_rate <> '[]'`,
  ],
}
