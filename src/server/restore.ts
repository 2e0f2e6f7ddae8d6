/** Restores a backup to where an instance is to be: nothing may be there yet, and until all is there nothing is. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type BackupSet, keyPath, MAX_PORTION_BYTES, type NamedSet } from '../backup/backup-set.ts'
import { chooseSet, type RestoreReport, restoreBackup, verifyBackup } from '../backup/restore-backup.ts'
import type { BackupSource } from '../backup/source.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { DatabaseLocation, Environment } from '../config/settings.ts'
import { type Dump, loadDatabase } from '../db/dump/load.ts'
import { lookAtDatabase } from '../db/dump/look.ts'
import { AppError, messageOf } from '../errors.ts'
import { readSmall } from '../layouts/layout-files.ts'
import { systemClock } from '../lib/clock.ts'
import { parseForeignJson } from '../lib/json.ts'
import { closeDirectory, makeClosedFile } from '../lib/private-files.ts'
import { readSealKey, writeSealKey } from '../lib/seal-key-file.ts'
import { fingerprintOf } from './backup.ts'
import { openPlace } from './backup-places.ts'
import { type InstanceLocation, lockData, openBlobs, RESTORING_FILE, SEAL_KEY_FILE } from './instance.ts'

export interface RestoreOptions {
  /** A folder or a bucket of backups, or a tar archive of one. */
  readonly from: string
  /** Has the keys to a bucket; that of the process when it is left out. */
  readonly env?: Environment
  /** Name of one of them; undefined: the newest. */
  readonly set: string | undefined
  /** A file with the key; undefined: that of the data directory, or of the backup. */
  readonly keyFile: string | undefined
  readonly isWithoutKey: boolean
  readonly signal: AbortSignal
  onRows?(table: string, rows: number): void
  onBytes?(done: number, total: number): void
}

/** What of a restored instance does not work since the key is gone; empty: all does. */
export interface Restored extends RestoreReport {
  readonly withoutKey: boolean
}

/**
 * @throws AppError CONFLICT (there are data already, or the key is another), CONFIG_INVALID (a server has the directory), NOT_FOUND,
 *   UPSTREAM_INVALID (the backup is not what it says: nothing of it is left), STORAGE_FULL, CANCELLED
 */
export async function restore(location: InstanceLocation, o: RestoreOptions): Promise<Restored> {
  const { directory } = location
  const source = await openPlace(o.from, o.env)
  try {
    const chosen = await chooseSet(source, o.set)
    closeDirectory(directory, 'KAGAMI_DATA', SEAL_KEY_FILE)
    const held = lockData(directory, false)
    try {
      return await restoreInto(location, source, chosen, o)
    } finally {
      held.release()
    }
  } finally {
    await source.close()
  }
}

/** Looks at all of a backup, and writes nothing. @throws AppError as `restore` */
export async function verify(
  o: Pick<RestoreOptions, 'from' | 'env' | 'set' | 'signal' | 'onRows' | 'onBytes'>,
): Promise<NamedSet> {
  const source = await openPlace(o.from, o.env)
  try {
    const chosen = await chooseSet(source, o.set)
    await verifyBackup({ ...o, source, chosen })
    return chosen
  } finally {
    await source.close()
  }
}

async function restoreInto(
  instance: InstanceLocation,
  source: BackupSource,
  chosen: NamedSet,
  o: RestoreOptions,
): Promise<Restored> {
  const { directory, database } = instance
  const marker = join(directory, RESTORING_FILE)
  const before = readMarker(marker)
  const location = database.engine === 'sqlite' ? database.path : database.url.reveal()
  const found = await lookAtDatabase(location).catch((error) => {
    throw new AppError('CONFIG_INVALID', `KAGAMI_DATABASE: the database cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  })
  if (found !== undefined) {
    // It was killed after the last step, before it could say so.
    if (before !== undefined && found.restoredFrom === before) rmSync(marker, { force: true })
    throw notEmpty(
      database,
      before !== undefined && found.restoredFrom === before
        ? `, restored from ${before}: the restore was finished, start the server`
        : '',
    )
  }
  const key = await findKey(instance, source, chosen.set, o)
  const blobs = await openBlobs(instance, true)
  try {
    if (before === undefined) await refuseObjects(blobs, directory)
    else if (before !== chosen.name) await removeObjects(blobs)
    let isBegun = before !== undefined
    try {
      const report = await restoreBackup({
        ...{ source, chosen, blobs, clock: systemClock, signal: o.signal },
        isResumed: before === chosen.name,
        isKeyLost: key === undefined,
        async begin() {
          isBegun = true
          writeMarker(marker, chosen.name)
        },
        async load(dump) {
          if (key !== undefined && instance.sealKey === undefined) writeSealKey(join(directory, SEAL_KEY_FILE), key)
          await load(database, dump)
        },
        ...(o.onRows === undefined ? {} : { onRows: o.onRows }),
        ...(o.onBytes === undefined ? {} : { onBytes: o.onBytes }),
      })
      rmSync(marker, { force: true })
      return { ...report, withoutKey: key === undefined }
    } catch (error) {
      if (isBegun && !o.signal.aborted) rmSync(marker, { force: true })
      throw error
    }
  } finally {
    blobs.close()
  }
}

/** SQLite's file gets its name once it is whole and durable; in PostgreSQL one transaction makes all of it. */
async function load(database: DatabaseLocation, dump: Dump): Promise<void> {
  if (database.engine === 'postgres') return await loadDatabase(database.url.reveal(), dump)
  const { path } = database
  const temporary = `${path}.restoring`
  const ends = ['', '-journal', '-wal', '-shm']
  for (const end of ends) rmSync(`${temporary}${end}`, { force: true })
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  makeClosedFile(temporary)
  try {
    await loadDatabase(temporary, dump)
    sync(temporary)
    // Those of a database that is not there any more would be taken for this one's.
    for (const end of ends.slice(1)) rmSync(`${path}${end}`, { force: true })
    renameSync(temporary, path)
    sync(dirname(path))
  } finally {
    for (const end of ends) rmSync(`${temporary}${end}`, { force: true })
  }
}

/** @returns the key's text; undefined where it is to do without. @throws AppError CONFLICT, NOT_FOUND */
async function findKey(
  instance: InstanceLocation,
  source: BackupSource,
  { sealKey }: BackupSet,
  o: RestoreOptions,
): Promise<string | undefined> {
  const own = join(instance.directory, SEAL_KEY_FILE)
  const places: [string, string | undefined][] = [
    [own, readSealKey(own)],
    ['KAGAMI_SEAL_KEY', instance.sealKey?.reveal()],
    ...(o.keyFile === undefined ? [] : ([[o.keyFile, requireKey(o.keyFile)]] as [string, string][])),
  ]
  if (sealKey.included) {
    const bytes = await readSmall(source, keyPath(sealKey.fingerprint), Math.min(1024, MAX_PORTION_BYTES))
    places.push([`${source.title}: ${keyPath(sealKey.fingerprint)}`, bytes && new TextDecoder().decode(bytes)])
  }
  let right: string | undefined
  for (const [where, text] of places) {
    if (text === undefined) continue
    if (fingerprintOf(text, where) !== sealKey.fingerprint) {
      throw new AppError('CONFLICT', `${where} is not the key that the secrets of this backup are sealed with`)
    }
    right ??= text
  }
  if (right !== undefined || o.isWithoutKey) return right
  throw new AppError(
    'NOT_FOUND',
    `the backup does not hold the key that its secrets are sealed with: give the ${SEAL_KEY_FILE} that was beside the data, by --key FILE or as ${own}. If it is lost, --without-key restores all but these secrets: passwords of upstreams and targets, secrets of identity providers and of webhooks (which are disabled), second factors (an operator ends them by kagami user reset-password --end-two-factor)`,
  )
}

function requireKey(path: string): string {
  const text = readSealKey(path)
  if (text === undefined) throw new AppError('NOT_FOUND', `--key: there is no file ${path}`)
  return text
}

async function refuseObjects(blobs: BlobStore, directory: string): Promise<void> {
  for await (const { key } of blobs.listKeys()) {
    throw new AppError(
      'CONFLICT',
      `KAGAMI_DATA: the blob store of ${directory} has objects already, such as ${key}: restore to an empty one`,
    )
  }
}

/** Those of a restore of another backup that was not finished. */
async function removeObjects(blobs: BlobStore): Promise<void> {
  for await (const { key } of blobs.listKeys()) await blobs.remove(key)
}

function notEmpty(database: DatabaseLocation, more: string): AppError {
  const where = database.engine === 'sqlite' ? database.path : 'the database'
  return new AppError(
    'CONFLICT',
    `KAGAMI_DATABASE: ${where} has data already${more === '' ? ': restore to an empty one' : more}`,
  )
}

function readMarker(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  try {
    const value = parseForeignJson(readFileSync(path, 'utf8'))
    return String(Object(value).set)
  } catch {
    // Killed while it was written: before anything else was.
    return ''
  }
}

function writeMarker(path: string, set: string): void {
  writeFileSync(path, `${JSON.stringify({ set })}\n`, { mode: 0o600 })
  sync(path)
  sync(dirname(path))
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
