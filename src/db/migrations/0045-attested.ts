import type { Migration } from './migration.ts'

/**
 * What each linked manifest is to what it hangs on, as bits (`oci/attested.ts`), beside the link: a page of a thousand tags asks it of some
 * 30,000 manifests. NULL: not read yet; what was there before is read in portions by the reader of images, and found by its own index.
 */
export const attested: Migration = {
  name: '0045-attested',
  statements: (t) => [
    `ALTER TABLE repository_manifests ADD COLUMN attested ${t.integer}`,
    `CREATE INDEX repository_manifests_unread ON repository_manifests (digest) WHERE attested IS NULL`,
  ],
}
