import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderReference } from '../scripts/reference.ts'

test('docs/reference says what the program does (mend it by npm run reference)', async () => {
  for (const [name, content] of await renderReference()) {
    expect(readFileSync(join(import.meta.dir, '../docs/reference', name), 'utf8')).toBe(content)
  }
})
