import type { Migration } from './migration.ts'

/**
 * What people call an organization, empty: by its name. And its end: from `deleted_at` on it is not there for anybody; its rows go in portions,
 * until `emptied_at`. Its own row stays, so that nobody else takes the name by accident, and whoever keeps the audit log finds whose it was.
 */
export const organizationNamesAndEnds: Migration = {
  name: '0047-organizations-names-and-ends',
  statements: (t) => [
    `ALTER TABLE organizations ADD COLUMN display_name ${t.text} NOT NULL DEFAULT ''`,
    `ALTER TABLE organizations ADD COLUMN deleted_at ${t.text}`,
    `ALTER TABLE organizations ADD COLUMN emptied_at ${t.text}`,
  ],
}
