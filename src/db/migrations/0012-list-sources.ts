import type { Migration } from './migration.ts'

/**
 * A referrer list and its version (an ETag, the digest of a fallback index) say something only about the registry and login that
 * gave them, and an upstream's address and login can change. Lists of before have no source: they are asked for once more.
 */
export const listSources: Migration = {
  name: '0012-list-sources',
  statements: (t) => [`ALTER TABLE mirror_subjects ADD COLUMN listed_from ${t.text}`],
}
