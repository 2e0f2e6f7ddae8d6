/** One restore into nothing: all is looked at, blobs are copied, and the database, by which an instance is there, comes last. */
import type { BlobStore, Stage } from '../blobs/blob-store.ts'
import type { Dump } from '../db/dump/load.ts'
import { findStranger } from '../db/engine/migrate.ts'
import { AppError } from '../errors.ts'
import { blobPath, invalid } from '../layouts/layout-files.ts'
import { cancelledBy } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import { forEachConcurrent } from '../lib/concurrency.ts'
import { encodedOf } from '../oci/digest.ts'
import { type BackupTable, type ListedBlob, type NamedSet, readSet } from './backup-set.ts'
import { checked, drain } from './destination.ts'
import { blobsIn, portionsOf } from './read-rows.ts'
import type { BackupSource } from './source.ts'

export interface RestoreRequest {
  readonly source: BackupSource
  readonly chosen: NamedSet
  readonly blobs: BlobStore
  /** Goes on with a restore of this very set: objects that are there are whole, since each was verified before it was sealed. */
  readonly isResumed: boolean
  /** The key is gone that secrets in the rows are sealed with. */
  readonly isKeyLost: boolean
  /** Called once everything but the blobs' bytes was verified, before anything is written. */
  begin(): Promise<void>
  /** Fills the database; when it is done, the instance is there. */
  load(dump: Dump): Promise<void>
  readonly clock: Clock
  readonly signal: AbortSignal
  onRows?(table: string, rows: number): void
  onBytes?(done: number, total: number): void
}

export interface RestoreReport {
  readonly set: string
  /** When the backup was made. */
  readonly madeAt: string
  readonly tables: number
  readonly rows: number
  readonly blobs: number
  /** Of rows (packed) and blobs together. */
  readonly bytes: number
  readonly newBlobs: number
  readonly newBytes: number
  readonly seconds: number
}

const AT_ONCE = 4

/** @param wanted the name of a set; undefined: the newest. @throws AppError NOT_FOUND, UPSTREAM_INVALID */
export async function chooseSet(source: BackupSource, wanted: string | undefined): Promise<NamedSet> {
  const names = await source.listSets()
  const name = wanted === undefined ? names.at(-1) : names.find((one) => one === wanted || one === `${wanted}.json`)
  if (name === undefined) {
    const there = names.length === 0 ? 'there is none' : `there are ${names.slice(-5).join(', ')}`
    throw new AppError('NOT_FOUND', `${source.title}: no backup ${wanted ?? 'was finished here'}: ${there}`)
  }
  const chosen = await readSet(source, name)
  const stranger = findStranger(chosen.set.migrations)
  if (stranger === undefined) return chosen
  throw new AppError(
    'UPSTREAM_INVALID',
    `${source.title}: the backup was made by Kagami ${chosen.set.version}, whose data this version does not know (migration ${stranger}): restore it by that version or a newer one`,
  )
}

/**
 * @throws AppError UPSTREAM_INVALID with what is wrong in which file: then no object of it is left in the store. STORAGE_FULL, CANCELLED,
 *   CONFLICT of `load`
 */
export async function restoreBackup(o: RestoreRequest): Promise<RestoreReport> {
  const { source, chosen } = o
  const startedAt = o.clock.now()
  const rows = await verifyRows(o)
  await o.begin()
  const { migrations, tables, serials } = chosen.set
  const dump: Dump = {
    ...{ title: source.title, id: chosen.name, migrations, tables, serials, isKeyLost: o.isKeyLost },
    rowsOf: (name) => portionsOf(source, tableOf(chosen, name)),
  }
  let counts: Awaited<ReturnType<typeof copyBlobs>>
  try {
    counts = await copyBlobs(o)
    if (o.signal.aborted) throw cancelledBy(o.signal)
    await o.load(dump)
  } catch (error) {
    // An interrupted restore is gone on with; a backup that is not whole leaves nothing.
    if (!o.signal.aborted) await removeBlobs(o)
    throw error
  }
  const { count, bytes } = chosen.set.blobs
  return {
    ...{ set: chosen.name, madeAt: chosen.set.madeAt },
    ...{ tables: tables.length, rows: rows.count, blobs: count, bytes: rows.bytes + bytes },
    ...counts,
    seconds: Math.round(o.clock.now().getTime() - startedAt.getTime()) / 1000,
  }
}

/** Looks at all of a backup, and writes nothing. @throws AppError UPSTREAM_INVALID */
export async function verifyBackup(o: Pick<RestoreRequest, 'source' | 'chosen' | 'signal' | 'onRows' | 'onBytes'>) {
  await verifyRows(o)
  let done = 0
  await forEachConcurrent(listed(o), AT_ONCE, async (blob) => {
    await drain(await openBlob(o, blob))
    done += blob.sizeBytes
    o.onBytes?.(done, o.chosen.set.blobs.bytes)
  })
}

/** Of all rows the digests and shapes; of all blobs that they are there with their size. */
async function verifyRows(o: Pick<RestoreRequest, 'source' | 'chosen' | 'onRows'>) {
  const { source, chosen } = o
  let count = 0
  let bytes = 0
  for (const table of chosen.set.tables) {
    for (const { size } of table.portions) bytes += size
    let rows = 0
    for await (const portion of portionsOf(source, table)) {
      rows += portion.length
      o.onRows?.(table.name, rows)
    }
    count += rows
  }
  let sizes = 0
  for await (const { digest, sizeBytes } of listed(o)) {
    const got = await source.findSize(blobPath(digest))
    if (got === undefined) throw invalid(source, `${blobPath(digest)} is missing`)
    if (got !== sizeBytes) throw invalid(source, `${blobPath(digest)} has ${got} bytes, want ${sizeBytes}`)
    sizes += sizeBytes
  }
  if (sizes !== chosen.set.blobs.bytes) {
    throw invalid(source, `its blobs have ${sizes} bytes together, the backup says ${chosen.set.blobs.bytes}`)
  }
  return { count, bytes }
}

function tableOf({ set }: NamedSet, name: string): BackupTable {
  const found = set.tables.find((table) => table.name === name)
  if (found === undefined) throw new Error(`the backup has no table ${name}`)
  return found
}

function listed({ source, chosen }: Pick<RestoreRequest, 'source' | 'chosen'>): AsyncGenerator<ListedBlob> {
  const table = tableOf(chosen, 'blobs')
  return blobsIn(source, table, portionsOf(source, table))
}

async function copyBlobs(o: RestoreRequest): Promise<{ readonly newBlobs: number; readonly newBytes: number }> {
  const total = o.chosen.set.blobs.bytes
  let done = 0
  let newBlobs = 0
  let newBytes = 0
  await forEachConcurrent(listed(o), AT_ONCE, async (blob) => {
    const isThere = o.isResumed && (await o.blobs.findSize(blob.storageKey)) === blob.sizeBytes
    if (!isThere) {
      await copyBlob(o, blob)
      newBlobs++
      newBytes += blob.sizeBytes
    }
    done += blob.sizeBytes
    o.onBytes?.(done, total)
  })
  return { newBlobs, newBytes }
}

async function copyBlob(o: RestoreRequest, blob: ListedBlob): Promise<void> {
  const stage = await o.blobs.openStage(`restore-${encodedOf(blob.digest)}`)
  try {
    // What a killed restore has left of it.
    if (stage.sizeBytes > 0 || stage.isInPieces) await stage.truncate(0)
    await append(stage, await openBlob(o, blob))
    await stage.seal(blob.storageKey)
  } catch (error) {
    await stage.discard().catch(() => {})
    throw error
  }
}

async function append(stage: Stage, body: ReadableStream<Uint8Array>): Promise<void> {
  await stage.append(body, { isSealedNext: true })
}

async function openBlob(
  { source, signal }: Pick<RestoreRequest, 'source' | 'signal'>,
  { digest, sizeBytes }: ListedBlob,
): Promise<ReadableStream<Uint8Array>> {
  const path = blobPath(digest)
  const body = await source.open(path, { from: 0, to: sizeBytes })
  return checked(body, { digest, sizeBytes, what: `${source.title}: ${path}`, signal })
}

async function removeBlobs(o: RestoreRequest): Promise<void> {
  await forEachConcurrent(listed(o), AT_ONCE, ({ storageKey }) => o.blobs.remove(storageKey)).catch(() => {})
}
