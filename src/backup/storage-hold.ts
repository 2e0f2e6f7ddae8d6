/** Holds the removal of objects up for as long as a backup reads them, by a row that runs out when this process dies. */
import { extendStorageHold, releaseStorageHold, takeStorageHold } from '../db/content/storage-holds.ts'
import type { Database } from '../db/engine/engine.ts'
import { AppError, messageOf } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'

const HOLD_MS = 120_000
const EXTEND_EVERY_MS = 20_000

export interface StorageHold {
  /** @throws AppError CONFLICT when it has run out: objects may have been removed since */
  check(): void
  release(): Promise<void>
}

/** Of a database that knows no holds yet: what is gone is found out when it is read. */
export const noHold: StorageHold = { check() {}, async release() {} }

export async function holdStorage(db: Pick<Database, 'write'>, clock: Clock): Promise<StorageHold> {
  const id = newId()
  let until = 0
  const times = () => {
    const now = clock.now()
    until = now.getTime() + HOLD_MS
    return { id, now: isoTime(now), expiresAt: isoTime(new Date(until)) }
  }
  let lost: string | undefined
  const first = times()
  await db.write((tx) => takeStorageHold(tx, first))
  const timer = setInterval(() => {
    const before = until
    const next = times()
    db.write((tx) => extendStorageHold(tx, next)).then(
      (isKept) => {
        if (!isKept) lost = 'it had run out'
      },
      (error) => {
        // What is in the database is the time of before.
        until = before
        if (clock.now().getTime() > until) lost = messageOf(error)
      },
    )
  }, EXTEND_EVERY_MS)
  return {
    check() {
      if (lost === undefined && clock.now().getTime() > until) lost = 'it has run out'
      if (lost === undefined) return
      throw new AppError('CONFLICT', `the hold on stored objects was lost while the backup was made: ${lost}`)
    },
    async release() {
      clearInterval(timer)
      await db.write((tx) => releaseStorageHold(tx, id)).catch(() => {})
    },
  }
}
