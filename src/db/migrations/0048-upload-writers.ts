import type { Migration } from './migration.ts'

/**
 * Which request writes to the stage of an upload, NULL: none, and which stage that is, NULL: the session's first. Kept where a server may lose
 * its claim on a session without noticing: whoever finds a writer goes on in another stage.
 */
export const uploadWriters: Migration = {
  name: '0048-upload-writers',
  statements: (t) => [
    `ALTER TABLE upload_sessions ADD COLUMN writer ${t.text}`,
    `ALTER TABLE upload_sessions ADD COLUMN stage_id ${t.text}`,
  ],
}
