import type { Migration } from './migration.ts'

/**
 * What a selection had to read at upstream to decide, by digest, so that it is asked once: when an image was created (`created_known` 1 and
 * no time: nobody says it), and the types of a referrer (a JSON list; null: never read). A mirror's own: what one has read says
 * nothing to another.
 */
export const selection: Migration = {
  name: '0016-selection',
  statements: (t) => [
    `CREATE TABLE mirror_facts (
      mirror_id ${t.text} NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE, digest ${t.text} NOT NULL,
      created ${t.text}, created_known ${t.integer} NOT NULL DEFAULT 0, types ${t.text}, PRIMARY KEY (mirror_id, digest))`,
  ],
}
