/** One instance: its data opened, and the parts that stand on them. */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type AccessParts, openAccess } from '../access/open.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { openFileBlobStore } from '../blobs/fs.ts'
import type { DatabaseLocation } from '../config/settings.ts'
import { lockDirectory } from '../db/directory-lock.ts'
import { type Database, openDatabase } from '../db/engine.ts'
import { AppError, messageOf } from '../errors.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import { openSealer } from '../lib/seal-key-file.ts'
import { createUploads, type Uploads } from '../registry/uploads.ts'

/** Where an instance's data are. */
export interface InstanceLocation {
  readonly directory: string
  readonly database: DatabaseLocation
}

/** Accounts and data, as offline verbs need them. */
export interface Ledger {
  readonly db: Database
  readonly sealer: Sealer
  readonly access: AccessParts
  close(): Promise<void>
}

export interface Instance extends Ledger {
  readonly blobs: BlobStore
  readonly uploads: Uploads
  readonly clock: Clock
}

const SEAL_KEY_FILE = 'seal.key'

/**
 * Opens accounts and data beside a server that may be running; the database takes turns between them.
 * @throws AppError CONFIG_INVALID naming the setting that leads to what cannot be opened; NOT_FOUND when nothing was ever there
 */
export async function openLedger(location: InstanceLocation): Promise<Ledger> {
  const { directory, database } = location
  if (!existsSync(join(directory, SEAL_KEY_FILE)) || (database.engine === 'sqlite' && !existsSync(database.path))) {
    throw new AppError('NOT_FOUND', `there are no data of a server in ${directory}: is KAGAMI_DATA right?`)
  }
  return openData(location)
}

async function openData({ directory, database }: InstanceLocation): Promise<Ledger> {
  const sealer = openSealer(join(directory, SEAL_KEY_FILE))
  if (database.engine === 'sqlite') makeDirectory(dirname(database.path), 'KAGAMI_DATABASE')
  // The message of a database driver does not hold the password of its URL.
  const db = await openDatabase(database.engine === 'sqlite' ? database.path : database.url.reveal()).catch((error) => {
    throw new AppError('CONFIG_INVALID', `KAGAMI_DATABASE: the database cannot be opened: ${messageOf(error)}`, {
      cause: error,
    })
  })
  try {
    const access = await openAccess(db, sealer, systemClock)
    return { db, sealer, access, close: () => db.close() }
  } catch (error) {
    await db.close()
    throw error
  }
}

function makeDirectory(path: string, setting: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${setting}: the directory ${path} cannot be made: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/**
 * Opens an instance to serve it: this process alone has the data directory until it is closed, or ends in whatever way.
 * @throws AppError CONFIG_INVALID when another server has it
 */
export async function openInstance(location: InstanceLocation): Promise<Instance> {
  const { directory } = location
  makeDirectory(directory, 'KAGAMI_DATA')
  const lock = lockDirectory(directory)
  if (lock === undefined) {
    throw new AppError(
      'CONFIG_INVALID',
      `another server is running on the data directory ${directory}: stop it, or choose another directory by KAGAMI_DATA`,
    )
  }
  try {
    const ledger = await openData(location)
    const blobs = await openFileBlobStore(join(directory, 'blobs'))
    const clock = systemClock
    return {
      ...ledger,
      blobs,
      clock,
      uploads: createUploads({ db: ledger.db, blobs, clock }),
      async close() {
        await ledger.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
