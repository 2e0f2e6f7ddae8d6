import type { Migration } from './migration.ts'

/** Catalogs of upstreams, as they were read; what is long of an entry stands apart, so that a list reads short rows. */
export const catalogs: Migration = {
  name: '0039-catalogs',
  statements: (t) => [
    `CREATE TABLE catalogs (
      upstream_id ${t.text} PRIMARY KEY REFERENCES upstreams (id) ON DELETE CASCADE,
      names ${t.text}, definitions_url ${t.text}, wanted_at ${t.text} NOT NULL,
      source ${t.text}, entries ${t.integer} NOT NULL, read_at ${t.text}, tried_at ${t.text}, next_at ${t.text},
      failed_reads ${t.integer} NOT NULL, problem_code ${t.text}, problem ${t.text}, problem_since ${t.text},
      accept_shrink ${t.integer} NOT NULL, definitions_from ${t.text}, definitions_etag ${t.text},
      definitions_entries ${t.integer} NOT NULL, definitions_read_at ${t.text}, definitions_problem ${t.text},
      definitions_notes ${t.text} NOT NULL, version ${t.integer} NOT NULL)`,
    `CREATE INDEX catalogs_next ON catalogs (next_at) WHERE next_at IS NOT NULL`,
    `CREATE TABLE catalog_entries (
      upstream_id ${t.text} NOT NULL REFERENCES catalogs (upstream_id) ON DELETE CASCADE, repository ${t.text} NOT NULL,
      summary ${t.text}, summary_digest ${t.text}, logo ${t.text},
      facts ${t.text}, facts_digest ${t.text}, facts_at ${t.text}, PRIMARY KEY (upstream_id, repository))`,
    `CREATE INDEX catalog_entries_facts ON catalog_entries (upstream_id, facts_at)`,
    `CREATE TABLE catalog_texts (
      upstream_id ${t.text} NOT NULL, repository ${t.text} NOT NULL, detail ${t.text} NOT NULL, logo ${t.bytes},
      PRIMARY KEY (upstream_id, repository),
      FOREIGN KEY (upstream_id, repository) REFERENCES catalog_entries (upstream_id, repository) ON DELETE CASCADE)`,
  ],
}
