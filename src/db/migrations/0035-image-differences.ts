import type { Migration } from './migration.ts'

/**
 * What changed from one image to another, as payloads tell it. The key is made of all that was compared, so a row never becomes wrong; it
 * is only forgotten.
 */
export const imageDifferences: Migration = {
  name: '0035-image-differences',
  statements: (t) => [
    `CREATE TABLE image_differences (key ${t.text} PRIMARY KEY, at ${t.text} NOT NULL, difference ${t.text} NOT NULL)`,
    `CREATE INDEX image_differences_at ON image_differences (at)`,
  ],
}
