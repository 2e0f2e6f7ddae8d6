/** Backups of an instance: its data opened beside whoever serves it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../package.json'
import { type BackupReport, makeBackup } from '../backup/make-backup.ts'
import { pruneSets } from '../backup/prune-sets.ts'
import { holdStorage, noHold } from '../backup/storage-hold.ts'
import type { Environment } from '../config/settings.ts'
import { isStorageKeyNamed } from '../db/content/storage-holds.ts'
import { lookAtDatabase } from '../db/dump/look.ts'
import { openDatabase } from '../db/engine/engine.ts'
import { AppError, isAppError, messageOf } from '../errors.ts'
import { systemClock } from '../lib/clock.ts'
import { readSealKey, sealerOf } from '../lib/seal-key-file.ts'
import { openDestination } from './backup-places.ts'
import { closeDatabaseFiles, type InstanceLocation, openBlobs, SEAL_KEY_FILE } from './instance.ts'

export interface BackupOptions {
  /** A folder, a file whose name ends with `.tar`, or `s3://BUCKET/PREFIX`. */
  readonly to: string
  /** Has the keys to a bucket; that of the process when it is left out. */
  readonly env?: Environment
  readonly isWithKey: boolean
  readonly isVerifying: boolean
  /** So many of the newest backups stay in the folder; undefined: all. */
  readonly keep: number | undefined
  readonly signal: AbortSignal
  onRows?(table: string, rows: number): void
  onBytes?(done: number, total: number): void
}

/** Something was removed, or the hold was lost: a new snapshot knows of it. */
const TRIES = 3
const HOLDS = '0057-storage-holds'

/** What seals are known by: says nothing of the key (HKDF). */
export const fingerprintOf = (text: string, path: string): string =>
  sealerOf(text, path).derive('backup fingerprint').reveal()

/**
 * @throws AppError NOT_FOUND when there are no data, CONFIG_INVALID when they cannot be read or are newer than this version, and what
 *   `makeBackup` throws
 */
export async function backUp(instance: InstanceLocation, o: BackupOptions): Promise<BackupReport> {
  const { directory, database, sealKey } = instance
  const keyPath = join(directory, SEAL_KEY_FILE)
  const key = readSealKey(keyPath) ?? sealKey?.reveal()
  if (key === undefined || (database.engine === 'sqlite' && !existsSync(database.path))) {
    throw new AppError('NOT_FOUND', `there are no data of a server in ${directory}: is KAGAMI_DATA right?`)
  }
  const fingerprint = fingerprintOf(key, keyPath)
  if (database.engine === 'sqlite') closeDatabaseFiles(database.path)
  const location = database.engine === 'sqlite' ? database.path : database.url.reveal()
  const found = await lookAtDatabase(location).catch((error) => {
    throw new AppError('CONFIG_INVALID', `KAGAMI_DATABASE: the database cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  })
  if (found === undefined) throw new AppError('NOT_FOUND', 'KAGAMI_DATABASE: the database has no data of a server')
  // Its schema is as it is: an older server may be at work on it.
  const db = await openDatabase(location, { isMigrated: true, connections: 2 })
  const blobs = await openBlobs(instance, true)
  try {
    for (let left = TRIES - 1; ; left--) {
      const destination = await openDestination(o.to, o.env)
      try {
        const report = await makeBackup({
          ...{ database: location, blobs, destination, version, clock: systemClock, signal: o.signal },
          sealKey: { fingerprint, text: o.isWithKey ? key : undefined },
          isVerifying: o.isVerifying,
          takeHold: async () => (found.migrations.includes(HOLDS) ? holdStorage(db, systemClock) : noHold),
          isNamed: (storageKey) => isStorageKeyNamed(db.read, storageKey),
          ...(o.onRows === undefined ? {} : { onRows: o.onRows }),
          ...(o.onBytes === undefined ? {} : { onBytes: o.onBytes }),
        })
        if (o.keep !== undefined) await pruneSets(destination, o.keep)
        return report
      } catch (error) {
        if (left === 0 || !isAppError(error, 'CONFLICT')) throw error
      } finally {
        await destination.close()
      }
    }
  } finally {
    blobs.close()
    await db.close()
  }
}
