import type { Migration } from './migration.ts'

/** Letters tell of what happens from today on. */
export const letters: Migration = {
  name: '0038-letters',
  statements: () => [`INSERT INTO event_cursors SELECT 'letters', coalesce(max(seq), 0) FROM events`],
}
