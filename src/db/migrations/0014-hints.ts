import type { Migration } from './migration.ts'

/**
 * Push hints: the secret address of an upstream (its hash alone), with what came there in the present minute; and the tags that were named
 * there and not looked at yet. A hint is a row from the moment that it was accepted until a run of it has ended.
 */
export const hints: Migration = {
  name: '0014-hints',
  statements: (t) => [
    `CREATE TABLE upstream_hooks (
      upstream_id ${t.text} PRIMARY KEY REFERENCES upstreams (id) ON DELETE CASCADE, hash ${t.text} NOT NULL UNIQUE,
      created_at ${t.text} NOT NULL, counted_from ${t.text} NOT NULL, counted ${t.integer} NOT NULL)`,
    `CREATE TABLE mirror_hints (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, tag ${t.text} NOT NULL, attached ${t.integer} NOT NULL,
      claim ${t.text}, due_at ${t.text} NOT NULL, attempts ${t.integer} NOT NULL, PRIMARY KEY (mirror_id, tag))`,
    `CREATE INDEX mirror_hints_due ON mirror_hints (due_at)`,
    `CREATE INDEX mirror_hints_claim ON mirror_hints (claim)`,
  ],
}
