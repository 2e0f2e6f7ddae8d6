// New databases without the time that their migrations take: those run once a test process, and their result is copied.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import { temporaryDirectory } from './process.ts'

let template: Promise<string> | undefined

async function makeTemplate(): Promise<string> {
  const path = join(temporaryDirectory('migrated').path, 'template.sqlite')
  // Closed, it is one file: its log is in it.
  await (await openDatabase(path)).close()
  return path
}

/** Makes the file of a SQLite database with today's schema and nothing in it. */
export async function layNewSqlite(path: string): Promise<void> {
  template ??= makeTemplate()
  copyFileSync(await template, path)
}

/** The same, opened. */
export async function openNewSqlite(path: string): Promise<Database> {
  await layNewSqlite(path)
  return openDatabase(path)
}
