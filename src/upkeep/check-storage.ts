/**
 * One check of all that is stored, from where it stands to its end: blobs, manifests, what published manifests name. What is damaged is
 * marked, in the transaction that sees it to be still the same content; how far it has come is written with it, so that a check goes on after
 * a kill.
 */
import type { BlobStore } from '../blobs/blob-store.ts'
import { forgetOldDamage, markBlob, noteDamage, recheckManifest, unmarkBlob } from '../db/content/damage.ts'
import {
  changeCheck,
  findManifestBytes,
  listBlobsAfter,
  listManifestsAfter,
  listPublishedAfter,
  listUnmet,
} from '../db/content/storage-checks.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import type { Damage, StorageCheckRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts'
import { isNonDistributable } from '../oci/media-types.ts'
import type { Found, Hashers } from './hashers.ts'

/** Items between two places that a check can go on from. */
const PAGE_ROWS = 64
/** Or bytes, whatever comes first: a minute at the slowest rates that people set. */
const PAGE_BYTES = 256 * 1024 * 1024
const REFERENCE_ROWS = 200

export interface CheckStorageOptions {
  readonly db: Database
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly hashers: Hashers
  readonly signal: AbortSignal
}

type Blob = Awaited<ReturnType<typeof listBlobsAfter>>[number]

/** @returns the check as it stands after its last look; its next phase is `repair` */
export async function checkStorage(o: CheckStorageOptions, from: StorageCheckRow): Promise<StorageCheckRow> {
  let check = from
  const advance = async (change: Partial<StorageCheckRow>, mark: (tx: Transaction) => Promise<void>) => {
    await o.db.write(async (tx) => {
      await mark(tx)
      await changeCheck(tx, check.id, change)
    })
    check = { ...check, ...change }
  }
  while (check.phase === 'blobs') await checkBlobs(o, check, advance)
  while (check.phase === 'manifests') await checkManifests(o, check, advance)
  while (check.phase === 'references') await checkReferences(o, check, advance)
  return check
}

type Advance = (change: Partial<StorageCheckRow>, mark: (tx: Transaction) => Promise<void>) => Promise<void>

async function checkBlobs(o: CheckStorageOptions, check: StorageCheckRow, advance: Advance): Promise<void> {
  const page = cutByBytes(await listBlobsAfter(o.db.read, check.position, PAGE_ROWS))
  const last = page.at(-1)
  if (last === undefined) {
    return await advance({ phase: 'manifests', position: '' }, (tx) => forgetOldDamage(tx, 'blob', check.started_at))
  }
  let bytes = 0
  const verdicts: { readonly blob: Blob; readonly damage: Damage | undefined }[] = []
  const waiting = page.values()
  const work = async () => {
    for (const blob of waiting) {
      if (o.signal.aborted) throw cancelledBy(o.signal)
      const found = await look(o, blob)
      bytes += found.bytes
      verdicts.push({ blob, damage: found.damage })
    }
  }
  await Promise.all(Array.from({ length: o.hashers.width }, work))
  if (o.signal.aborted) throw cancelledBy(o.signal)
  const at = isoTime(o.clock.now())
  const position = last.digest
  await advance({ position, checked: check.checked + page.length, bytes: check.bytes + bytes }, async (tx) => {
    for (const { blob, damage } of verdicts) {
      const object = { digest: blob.digest as Digest, storageKey: blob.storage_key }
      if (damage !== undefined) await markBlob(tx, object, damage, at)
      else if (blob.damage !== null) await unmarkBlob(tx, object)
    }
  })
}

function cutByBytes(rows: Blob[]): Blob[] {
  let bytes = 0
  const end = rows.findIndex((row) => {
    bytes += row.size_bytes
    return bytes > PAGE_BYTES
  })
  return end === -1 ? rows : rows.slice(0, Math.max(1, end))
}

/** Twice, where it seems damaged: one bad read is not told as damage. @throws AppError UNAVAILABLE when a store that is no disk cannot be read */
async function look(
  { blobs, hashers }: CheckStorageOptions,
  blob: Blob,
): Promise<{ readonly bytes: number; readonly damage: Damage | undefined }> {
  const object = { key: blob.storage_key, digest: blob.digest as Digest }
  const hash = () =>
    hashers.hash(object).catch((error) => {
      throw new AppError('UNAVAILABLE', `blob ${blob.digest} cannot be read from the storage`, { cause: error })
    })
  const first = await hash()
  if (damageOf(blob, first) === undefined) return { bytes: blob.size_bytes, damage: undefined }
  const found = blobs.findPath === undefined && first.kind === 'missing' ? first : await hash()
  // A store that is not there at all says so here: what it holds is not missing.
  if (found.kind === 'missing') await blobs.findSize(object.key)
  return { bytes: found.kind === 'hashed' ? found.bytes : 0, damage: damageOf(blob, found) }
}

function damageOf(blob: Blob, found: Found): Damage | undefined {
  if (found.kind === 'missing') return 'missing'
  if (found.kind === 'unreadable') return 'corrupt'
  if (found.digest === blob.digest) return undefined
  return found.bytes < blob.size_bytes ? 'short' : 'corrupt'
}

/** Their bytes are in the database, one at a time in memory; an image's are few. */
async function checkManifests(o: CheckStorageOptions, check: StorageCheckRow, advance: Advance): Promise<void> {
  const page = await listManifestsAfter(o.db.read, check.position, PAGE_ROWS)
  const last = page.at(-1)
  if (last === undefined) {
    return await advance({ phase: 'references', position: '' }, (tx) =>
      forgetOldDamage(tx, 'manifest', check.started_at),
    )
  }
  const doubtful: Digest[] = []
  let bytes = 0
  for (const row of page) {
    if (o.signal.aborted) throw cancelledBy(o.signal)
    const digest = row.digest as Digest
    const stored = await findManifestBytes(o.db.read, digest)
    if (stored === undefined) continue
    bytes += stored.byteLength
    if (row.damage !== null || digestOf(stored, algorithmOf(digest)) !== digest) doubtful.push(digest)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const at = isoTime(o.clock.now())
  const change = { position: last.digest, checked: check.checked + page.length, bytes: check.bytes + bytes }
  await advance(change, async (tx) => {
    for (const digest of doubtful) await recheckManifest(tx, digest, at)
  })
}

async function checkReferences(o: CheckStorageOptions, check: StorageCheckRow, advance: Advance): Promise<void> {
  const page = await listPublishedAfter(o.db.read, check.position, REFERENCE_ROWS)
  const last = page.at(-1)
  if (last === undefined) {
    return await advance({ phase: 'repair', position: '' }, (tx) => forgetOldDamage(tx, 'reference', check.started_at))
  }
  if (o.signal.aborted) throw cancelledBy(o.signal)
  const byRepository = Map.groupBy(page, ({ repositoryId }) => repositoryId)
  const at = isoTime(o.clock.now())
  await advance({ position: last.position }, async (tx) => {
    for (const [repositoryId, manifests] of byRepository) {
      const unmet = await listUnmet(
        tx,
        repositoryId,
        manifests.map(({ digest }) => digest),
      )
      for (const { digest, kind, mediaType, isSparse } of unmet) {
        const isAllowed = kind === 'child' ? isSparse : isNonDistributable(mediaType)
        if (!isAllowed) await noteDamage(tx, 'reference', digest, 'missing', at)
      }
    }
  })
}
