import { Database as Sqlite } from 'bun:sqlite'
import { join } from 'node:path'
import { closeFile, makeClosedFile } from '../../lib/private-files.ts'

const LOCK_FILE = 'server.lock'

/** Held by one process at a time. */
export interface DirectoryLock {
  release(): void
}

/**
 * Takes the directory for this process; the system frees it when the process ends, however it ends.
 * The lock is SQLite's own on an empty database: the one file lock at hand that is portable and needs no native code.
 * @returns undefined when another process has it
 */
export function lockDirectory(directory: string): DirectoryLock | undefined {
  const path = join(directory, LOCK_FILE)
  makeClosedFile(path)
  closeFile(path, 'KAGAMI_DATA')
  const sqlite = new Sqlite(path, { create: true, readwrite: true })
  try {
    sqlite.exec('PRAGMA busy_timeout = 0')
    // Kept until the connection closes; no journal is left behind for a transaction that writes nothing.
    sqlite.exec('PRAGMA locking_mode = EXCLUSIVE')
    sqlite.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    sqlite.close()
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return undefined
    throw error
  }
  return { release: () => sqlite.close() }
}
