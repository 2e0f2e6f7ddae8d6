import { afterAll, describe } from 'bun:test'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import { openNewSqlite } from './migrated.ts'
import { havePostgres, postgres } from './postgres.ts'
import { temporaryDirectory } from './process.ts'

/** Opens new databases of one engine; all are closed after the suite. */
export type OpenFresh = () => Promise<Database>

/**
 * Runs the same suite over SQLite and over PostgreSQL (design section 5). Where PostgreSQL's programs are absent, its half
 * is skipped with a loud line.
 */
export function describeOnEachEngine(title: string, suite: (openFresh: OpenFresh) => void): void {
  describe(`${title} (SQLite)`, () => {
    const directory = temporaryDirectory('sqlite')
    const open: Database[] = []
    afterAll(async () => {
      for (const db of open) await db.close()
      directory.remove()
    })
    suite(async () => {
      const db = await openNewSqlite(join(directory.path, `${open.length}.db`))
      open.push(db)
      return db
    })
  })
  if (!havePostgres)
    console.warn(`\n*** SKIPPED, NO POSTGRESQL: ${title} (run scripts/install-test-packages as root)\n`)
  describe.skipIf(!havePostgres)(`${title} (PostgreSQL)`, () => {
    const open: Database[] = []
    afterAll(async () => {
      for (const db of open) await db.close()
    })
    suite(async () => {
      const db = await openDatabase(await (await postgres()).migratedDatabase())
      open.push(db)
      return db
    })
  })
}
