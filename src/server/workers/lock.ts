/** Whether workers of an earlier start are still there: they end with their main process, but not before the system lets them. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type DirectoryLock, isDirectoryLocked, lockDirectory } from '../../db/engine/directory-lock.ts'
import { AppError } from '../../errors.ts'

const PATIENCE_MS = 10_000
const LOOK_MS = 10

const lockOf = (directory: string) => join(directory, 'workers')

/** Held by each worker for as long as its process exists. */
export function lockAsWorker(directory: string): DirectoryLock {
  mkdirSync(lockOf(directory), { recursive: true, mode: 0o700 })
  const lock = lockDirectory(lockOf(directory), { isShared: true })
  if (lock === undefined) throw new Error(`${lockOf(directory)} is locked by another server`)
  return lock
}

/** @throws AppError CONFIG_INVALID when they do not end */
export async function workersGone(directory: string): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS
  while (isDirectoryLocked(lockOf(directory))) {
    if (performance.now() > endsAt) {
      throw new AppError(
        'CONFIG_INVALID',
        `KAGAMI_DATA: a process of an earlier server still works on ${directory}: end it, and start again`,
      )
    }
    await Bun.sleep(LOOK_MS)
  }
}
