/** One instance: its data opened, and the parts that stand on them. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type AccessParts, openAccess } from '../access/open.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { openFileBlobStore } from '../blobs/fs.ts'
import type { StageSharing } from '../blobs/own-stages.ts'
import type { DatabaseLocation, Settings } from '../config/settings.ts'
import { createClaims } from '../db/engine/claims.ts'
import { type DirectoryLock, isDirectoryLocked, lockDirectory } from '../db/engine/directory-lock.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../db/engine/engine.ts'
import { claimInstanceSetting, findInstanceSetting } from '../db/platform/instance-settings.ts'
import { AppError, isAppError, messageOf } from '../errors.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { randomHex } from '../lib/ids.ts'
import { closeDirectory, closeFile, makeClosedFile, makeDirectory } from '../lib/private-files.ts'
import type { Sealer } from '../lib/seal.ts'
import { openSealer } from '../lib/seal-key-file.ts'
import type { Secret } from '../lib/secret.ts'
import { createPulls, type Pulls } from '../registry/pulls.ts'
import { createUploads, type Uploads } from '../registry/uploads.ts'
import { workersGone } from './workers/lock.ts'
import type { SharedTurns } from './workers/turns.ts'

/** Where an instance's data are. */
export interface InstanceLocation {
  readonly directory: string
  readonly database: DatabaseLocation
  /** Undefined: a file of the directory has it. */
  readonly sealKey?: Secret | undefined
  /** Undefined: blobs are files of the directory. */
  readonly bucket?: Settings['bucket']
  readonly redirectsBlobs?: boolean | undefined
}

/** Where the data of a server with these settings are. */
export function locationOf(settings: Settings): InstanceLocation {
  const { dataDirectory: directory, database, sealKey, bucket, redirectsBlobs } = settings
  return { directory, database, sealKey, bucket, redirectsBlobs }
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
  readonly pulls: Pulls
  readonly clock: Clock
}

export const SEAL_KEY_FILE = 'seal.key'
/** There while a restore is under way, or was killed. */
export const RESTORING_FILE = 'restoring.json'

/**
 * Opens accounts and data beside a server that may be running; the database takes turns between them.
 * @throws AppError CONFIG_INVALID naming the setting that leads to what cannot be opened; NOT_FOUND when nothing was ever there
 */
export async function openLedger(location: InstanceLocation): Promise<Ledger> {
  const { directory, database, sealKey } = location
  const hasKey = sealKey !== undefined || existsSync(join(directory, SEAL_KEY_FILE))
  if (!hasKey || (database.engine === 'sqlite' && !existsSync(database.path))) {
    throw new AppError('NOT_FOUND', `there are no data of a server in ${directory}: is KAGAMI_DATA right?`)
  }
  return openData(location)
}

async function openData({ directory, database, sealKey }: InstanceLocation, o?: DatabaseOptions): Promise<Ledger> {
  const keyPath = join(directory, SEAL_KEY_FILE)
  closeFile(keyPath, 'KAGAMI_DATA')
  const sealer = openSealer(keyPath, sealKey)
  if (database.engine === 'sqlite') closeDatabaseFiles(database.path)
  // The message of a database driver does not hold the password of its URL.
  const where = database.engine === 'sqlite' ? ` ${database.path}` : ''
  const db = await openDatabase(database.engine === 'sqlite' ? database.path : database.url.reveal(), o).catch(
    (error) => {
      throw new AppError(
        'CONFIG_INVALID',
        `KAGAMI_DATABASE: the database${where} cannot be opened: ${messageOf(error)}`,
        {
          cause: error,
        },
      )
    },
  )
  try {
    const access = await openAccess(db, sealer, systemClock)
    return {
      db,
      sealer,
      access,
      async close() {
        await access.refusals.close()
        await db.close()
      },
    }
  } catch (error) {
    await db.close()
    if (!isAppError(error, 'CONFIG_INVALID')) throw error
    throw new AppError(
      'CONFIG_INVALID',
      sealKey === undefined
        ? `${keyPath} is not the key of this database: put back the ${SEAL_KEY_FILE} that was beside it, or let KAGAMI_DATABASE name the database of this key`
        : 'KAGAMI_SEAL_KEY is not the key of this database: all of its servers have the same one, or share the data directory with its seal.key',
      { cause: error },
    )
  }
}

/** Closed to other users before SQLite opens it: what it makes beside a database has the database's mode. */
export function closeDatabaseFiles(path: string): void {
  const directory = dirname(path)
  try {
    makeDirectory(directory)
  } catch (error) {
    throw new AppError(
      'CONFIG_INVALID',
      `KAGAMI_DATABASE: the directory ${directory} cannot be made: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  }
  makeClosedFile(path)
  for (const end of ['', '-wal', '-shm', '-journal']) closeFile(`${path}${end}`, 'KAGAMI_DATABASE')
}

/** @throws AppError CONFIG_INVALID when another server has the directory, or it cannot be used */
export function lockData(directory: string, isShared: boolean): DirectoryLock {
  let taken: DirectoryLock | undefined
  try {
    taken = lockDirectory(directory, { isShared })
  } catch (error) {
    throw new AppError(
      'CONFIG_INVALID',
      `KAGAMI_DATA: ${directory} cannot be locked: ${messageOf(error)}; may this user write there?`,
      { cause: error },
    )
  }
  if (taken !== undefined) return taken
  throw new AppError(
    'CONFIG_INVALID',
    `another server is running on the data directory ${directory}: stop it, or choose another directory by KAGAMI_DATA; servers share one only where all of them use the same PostgreSQL database`,
  )
}

/** A restore that was killed: what is there is not all of it. */
function refuseUnfinished(directory: string): void {
  if (!existsSync(join(directory, RESTORING_FILE))) return
  throw new AppError(
    'CONFIG_INVALID',
    `KAGAMI_DATA: a restore into ${directory} was not finished: run kagami restore again, which goes on with it`,
  )
}

export const SHARING: StageSharing = { lock: lockDirectory, isLocked: isDirectoryLocked }

type OpenBlobStore = BlobStore & { close(): void }

/** @param isShared with other processes that are at work now @throws AppError CONFIG_INVALID */
export async function openBlobs(
  { directory, bucket, redirectsBlobs }: Omit<InstanceLocation, 'database'>,
  isShared: boolean,
): Promise<OpenBlobStore> {
  if (bucket !== undefined) {
    const { checkBucket, openS3BlobStore } = await import('../blobs/s3/store.ts')
    await checkBucket(bucket)
    return openS3BlobStore(bucket, { isRedirecting: redirectsBlobs })
  }
  const path = join(directory, 'blobs')
  try {
    return await openFileBlobStore(path, isShared ? SHARING : undefined)
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `KAGAMI_DATA: blobs cannot be kept in ${path}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Where blobs are, in words. */
export function blobsAt({ dataDirectory, bucket }: Pick<Settings, 'dataDirectory' | 'bucket'>): string {
  return bucket === undefined ? join(dataDirectory, 'blobs') : `s3://${bucket.bucket}/${bucket.prefix}`
}

const BLOBS_OF = 'blobs.database'

/** @throws AppError CONFIG_INVALID when the blobs are of another database, whose objects this one would take for lost */
async function requireOwnBlobs(
  { db }: Ledger,
  blobs: BlobStore,
  { directory, bucket }: InstanceLocation,
): Promise<void> {
  const id =
    (await findInstanceSetting(db.read, BLOBS_OF)) ??
    (await db.write((tx) => claimInstanceSetting(tx, BLOBS_OF, randomHex(16))))
  if ((await blobs.claim(id)) === id) return
  const where = blobsAt({ dataDirectory: directory, bucket })
  const [setting, mark] =
    bucket === undefined ? ['KAGAMI_DATA', 'the file database there'] : ['KAGAMI_BLOBS', 'the object database below it']
  throw new AppError(
    'CONFIG_INVALID',
    `${setting}: the blobs in ${where} are of another database than the one of KAGAMI_DATABASE: name the two that belong together, or another place; if that database is gone for good, remove ${mark}`,
  )
}

/**
 * Opens an instance to serve it: this process has the data directory until it is closed, or ends in whatever way; alone with SQLite,
 * beside other servers with PostgreSQL.
 * @param turns with the workers of this server, where there are some
 * @throws AppError CONFIG_INVALID when another server has it
 */
export async function openInstance(location: InstanceLocation, turns?: SharedTurns): Promise<Instance> {
  const { directory } = location
  closeDirectory(directory, 'KAGAMI_DATA', SEAL_KEY_FILE)
  const isShared = location.database.engine === 'postgres'
  const held = lockData(directory, isShared)
  try {
    if (!isShared) await workersGone(directory)
    refuseUnfinished(directory)
    const ledger = await openData(location, { takeTurn: turns?.write })
    const blobs = await openBlobs(location, isShared)
      .then(async (opened) => {
        await requireOwnBlobs(ledger, opened, location)
        return opened
      })
      .catch(async (error) => {
        await ledger.close()
        throw error
      })
    const clock = systemClock
    const pulls = createPulls(ledger.db, clock)
    const claims = isShared ? createClaims(ledger.db) : undefined
    return {
      ...ledger,
      blobs,
      clock,
      uploads: createUploads({
        db: ledger.db,
        blobs,
        clock,
        claim: claims?.claim ?? turns?.claim,
        mayLoseClaims: claims !== undefined,
      }),
      pulls,
      async close() {
        await pulls.close()
        await claims?.close()
        await ledger.close()
        blobs.close()
        held.release()
      },
    }
  } catch (error) {
    held.release()
    throw error
  }
}
