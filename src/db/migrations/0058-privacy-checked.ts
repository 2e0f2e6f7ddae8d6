import type { Migration } from './migration.ts'

/** When a target was last asked whether everybody may read what is sent there; NULL: not since this is noted. */
export const privacyChecked: Migration = {
  name: '0058-privacy-checked',
  statements: (t) => [`ALTER TABLE replications ADD COLUMN privacy_checked_at ${t.text}`],
}
