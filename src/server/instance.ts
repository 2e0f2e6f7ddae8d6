/** One instance: its data opened, and the parts that stand on them. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type AccessParts, openAccess } from '../access/open.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { openFileBlobStore } from '../blobs/fs.ts'
import type { DatabaseLocation } from '../config/settings.ts'
import { lockDirectory } from '../db/directory-lock.ts'
import { type Database, openDatabase } from '../db/engine.ts'
import { AppError } from '../errors.ts'
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

/** Opens accounts and data beside a server that may be running; the database takes turns between them. */
export async function openLedger({ directory, database }: InstanceLocation): Promise<Ledger> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const sealer = openSealer(join(directory, SEAL_KEY_FILE))
  if (database.engine === 'sqlite') mkdirSync(dirname(database.path), { recursive: true })
  const db = await openDatabase(database.engine === 'sqlite' ? database.path : database.url.reveal())
  try {
    const access = await openAccess(db, sealer, systemClock)
    return { db, sealer, access, close: () => db.close() }
  } catch (error) {
    await db.close()
    throw error
  }
}

/**
 * Opens an instance to serve it: this process alone has the data directory until it is closed, or ends in whatever way.
 * @throws AppError CONFIG_INVALID when another server has it
 */
export async function openInstance(location: InstanceLocation): Promise<Instance> {
  const { directory } = location
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const lock = lockDirectory(directory)
  if (lock === undefined) {
    throw new AppError(
      'CONFIG_INVALID',
      `another server is running on the data directory ${directory}: stop it, or choose another directory by KAGAMI_DATA`,
    )
  }
  try {
    const ledger = await openLedger(location)
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
