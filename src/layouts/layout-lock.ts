/** Who may write a layout at the moment: a lock that the system frees when its process ends, and that leaves nothing behind. */
import { mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type DirectoryLock, lockFile } from '../db/engine/directory-lock.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import { systemSleep } from '../lib/retry.ts'

const LOOK_EVERY_MS = 20
/** An index is written within milliseconds. */
const PATIENCE_MS = 60_000

/** Takes the lock when nobody has it. @param path of its file, in a folder of our own, which is made. @returns undefined: it is taken */
export function tryLock(path: string): DirectoryLock | undefined {
  for (;;) {
    mkdirSync(dirname(path), { recursive: true })
    makeFile(path)
    const before = inodeOf(path)
    if (before === undefined) continue
    const lock = lockFile(path, false)
    // Whoever had it last has removed the file meanwhile: what we have locked is nobody's.
    if (lock === undefined) return undefined
    if (inodeOf(path) === before) return lock
    lock.release()
  }
}

/** @throws AppError CONFLICT when somebody keeps it, CANCELLED */
export async function lock(path: string, title: string, signal: AbortSignal | undefined): Promise<DirectoryLock> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_EVERY_MS) {
    const mine = tryLock(path)
    if (mine !== undefined) return mine
    await systemSleep(LOOK_EVERY_MS, signal)
    if (signal?.aborted) throw cancelledBy(signal)
  }
  throw new AppError('CONFLICT', `${title}: another process has been writing its index for ${PATIENCE_MS / 1000} s`)
}

/** Releases it, and takes the file away, with its folder where that is empty then. */
export function releaseWithFile(mine: DirectoryLock, path: string): void {
  rmSync(path, { force: true })
  mine.release()
  try {
    rmdirSync(dirname(path))
  } catch {
    // Somebody else has files there.
  }
}

/** Never opened by us: closing it would free a lock that this very process has on it (POSIX). */
function makeFile(path: string): void {
  try {
    writeFileSync(path, '', { flag: 'ax' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino
  } catch (error) {
    if (isNoEntry(error)) return undefined
    throw error
  }
}
