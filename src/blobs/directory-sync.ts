/** Makes renames durable: what is asked for while a directory is being synced shares the next sync of it. */
import { closeSync, constants, fsync, openSync } from 'node:fs'
import { promisify } from 'node:util'

const sync = promisify(fsync)

/** Settles when all that happened in the directory before the call survives power loss. */
export type SyncDirectory = (path: string) => Promise<void>

export function createDirectorySync(): SyncDirectory {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()

  function start(path: string): Promise<void> {
    const work = syncNow(path).finally(() => running.delete(path))
    running.set(path, work)
    return work
  }

  return (path) => {
    const before = running.get(path)
    if (before === undefined) return start(path)
    // The one under way may have looked already.
    const next =
      waiting.get(path) ??
      before
        .catch(() => {})
        .then(() => {
          waiting.delete(path)
          return start(path)
        })
    waiting.set(path, next)
    return next
  }
}

/** Not on this thread: a disk takes milliseconds, and everybody would wait. */
async function syncNow(path: string): Promise<void> {
  const descriptor = openSync(path, constants.O_RDONLY)
  try {
    await sync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
