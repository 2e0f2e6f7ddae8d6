import { Database as Sqlite } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { closeFile, makeClosedFile } from '../../lib/private-files.ts'

const LOCK_FILE = 'server.lock'

/** Held until it is released, or its process ends in whatever way. */
export interface DirectoryLock {
  release(): void
}

/**
 * Takes the directory for this process; the system frees it when the process ends, however it ends.
 * The lock is SQLite's own on an empty database: the one file lock at hand that is portable and needs no native code.
 * @param o.isShared beside others who take it so: servers on one PostgreSQL that share the directory
 * @returns undefined when another process has it
 */
export function lockDirectory(
  directory: string,
  { isShared = false }: { readonly isShared?: boolean } = {},
): DirectoryLock | undefined {
  const path = join(directory, LOCK_FILE)
  makeClosedFile(path)
  closeFile(path, 'KAGAMI_DATA')
  return lockFile(path, isShared)
}

/** Whether a process holds the lock of this directory now; takes nothing, makes nothing. */
export function isDirectoryLocked(directory: string): boolean {
  const path = join(directory, LOCK_FILE)
  if (!existsSync(path)) return false
  const lock = lockFile(path, false)
  lock?.release()
  return lock === undefined
}

/** The same for a file of the caller's, which is made where it is absent. @returns undefined when another process has it */
export function lockFile(path: string, isShared: boolean): DirectoryLock | undefined {
  const sqlite = new Sqlite(path, { create: true, readwrite: true })
  try {
    sqlite.exec('PRAGMA busy_timeout = 0')
    // Kept until the connection closes; no journal is left behind for a transaction that writes nothing.
    sqlite.exec('PRAGMA locking_mode = EXCLUSIVE')
    // A transaction that has read holds the shared lock of its file.
    if (isShared) sqlite.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
    else sqlite.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    sqlite.close()
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return undefined
    throw error
  }
  return { release: () => sqlite.close() }
}
