import type { Migration } from './migration.ts'

/**
 * Who reads objects of the blob store by what the database said a while ago (backups): while one of these has not run out, no object is removed.
 * Rows may go meanwhile; their objects wait in `blob_tombstones`.
 */
export const storageHolds: Migration = {
  name: '0057-storage-holds',
  statements: (t) => [
    `CREATE TABLE storage_holds (id ${t.text} PRIMARY KEY, since ${t.text} NOT NULL, expires_at ${t.text} NOT NULL)`,
  ],
}
