/** Content that no repository has: rows first, objects later, their tombstones last (record 3). Each step can be cut off, and goes on next time. */
import type { BlobStore } from '../../blobs/blob-store.ts'
import {
  buryBlobs,
  buryOrphans,
  listKnownKeys,
  listTombstones,
  listUnlinkedBlobs,
  listUnlinkedManifests,
  removeManifests,
  removeTombstones,
} from '../../db/collection/unlinked.ts'
import { settleStage } from '../../db/content/quota.ts'
import type { Database } from '../../db/engine/engine.ts'
import { assertFence, type Fence } from '../../jobs/fence.ts'
import { isoTime } from '../../lib/clock.ts'
import type { Moment } from './judge.ts'
import { pause } from './plan.ts'
import { ORPHAN_MS, quarterOf } from './waits.ts'

const PER_TRANSACTION = 50
const PER_LOOK = 200

export interface ObjectsCollecting {
  readonly db: Database
  readonly blobs: BlobStore
  readonly fence: Fence
  readonly signal?: AbortSignal | undefined
  readonly onFreed: (objects: number, bytes: number) => void
}

/** Removes what the tables have not named for long enough. */
export async function removeBuried(o: ObjectsCollecting, moment: Moment): Promise<void> {
  const { db, blobs, fence, signal } = o
  const before = isoTime(new Date(moment.now.getTime() - (moment.isNow ? 0 : quarterOf(moment.settings.graceMs))))
  while (signal?.aborted !== true) {
    const buried = await listTombstones(db.read, before, { now: isoTime(moment.now), limit: PER_TRANSACTION })
    if (buried.length === 0) return
    for (const { key } of buried) await blobs.remove(key)
    await db.write(async (tx) => {
      await assertFence(tx, fence)
      await removeTombstones(
        tx,
        buried.map(({ key }) => key),
      )
    })
    o.onFreed(
      buried.length,
      buried.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    )
  }
}

/** Blobs that no repository links go out of the tables. */
export async function buryUnlinked(o: ObjectsCollecting, moment: Moment): Promise<void> {
  const { db, fence, signal } = o
  const before = cutoff(moment)
  for (let after = ''; signal?.aborted !== true; ) {
    const { found, last } = await listUnlinkedBlobs(db.read, after, before)
    for (let i = 0; i < found.length; i += PER_TRANSACTION) {
      const digests = found.slice(i, i + PER_TRANSACTION).map(({ digest }) => digest)
      await db.write(async (tx) => {
        await assertFence(tx, fence)
        await buryBlobs(tx, digests, { before, at: isoTime(moment.now) })
      })
      await pause()
    }
    if (last === undefined) return
    after = last
    await pause()
  }
}

/** Touched before this: for now every time, those of this millisecond too. */
const cutoff = ({ now, isNow, settings }: Moment) => isoTime(new Date(now.getTime() + (isNow ? 1 : -settings.graceMs)))

/** Bytes of manifests that no repository links. */
export async function removeUnlinkedManifests(o: ObjectsCollecting): Promise<void> {
  const { db, fence, signal } = o
  for (let after = ''; signal?.aborted !== true; ) {
    const { found, last } = await listUnlinkedManifests(db.read, after)
    for (let i = 0; i < found.length; i += PER_TRANSACTION) {
      const digests = found.slice(i, i + PER_TRANSACTION).map(({ digest }) => digest)
      const { removed, bytes } = await db.stage(async (tx) => {
        await assertFence(tx, fence)
        return removeManifests(tx, digests)
      })
      o.onFreed(removed, bytes)
      await pause()
    }
    if (last === undefined) return
    after = last
    await pause()
  }
}

/** Objects that neither table names go the way of all others: whoever is about to name one is refused (`insertBlob`). */
export async function buryLostObjects(o: ObjectsCollecting, moment: Moment): Promise<void> {
  const before = moment.now.getTime() - ORPHAN_MS
  for await (const keys of inPortions(o.blobs.listKeys(), before, o.signal)) {
    const known = new Set(await listKnownKeys(o.db.read, keys))
    const lost: { key: string; sizeBytes: number }[] = []
    for (const key of keys) {
      const sizeBytes = known.has(key) ? undefined : await o.blobs.findSize(key)
      if (sizeBytes !== undefined) lost.push({ key, sizeBytes })
    }
    if (lost.length > 0)
      await o.db.write(async (tx) => {
        await assertFence(tx, o.fence)
        await buryOrphans(tx, lost, isoTime(moment.now))
      })
  }
}

async function* inPortions(
  keys: AsyncIterable<{ readonly key: string; readonly modifiedAt: Date }>,
  before: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<string[]> {
  let some: string[] = []
  for await (const { key, modifiedAt } of keys) {
    if (signal?.aborted === true) return
    if (modifiedAt.getTime() >= before) continue
    some.push(key)
    if (some.length < PER_LOOK) continue
    yield some
    some = []
    await pause()
  }
  if (some.length > 0) yield some
}

/** Keys of objects that nothing names, for a preview. */
export async function* listLostObjects(
  o: Pick<ObjectsCollecting, 'db' | 'blobs' | 'signal'>,
  moment: Moment,
): AsyncGenerator<{ readonly key: string; readonly sizeBytes: number }> {
  for await (const keys of inPortions(o.blobs.listKeys(), moment.now.getTime() - ORPHAN_MS, o.signal)) {
    const known = new Set(await listKnownKeys(o.db.read, keys))
    for (const key of keys) {
      const sizeBytes = known.has(key) ? undefined : await o.blobs.findSize(key)
      if (sizeBytes !== undefined) yield { key, sizeBytes }
    }
  }
}

/** Of downloads; those of uploads belong to sessions (`stage-cleanup.ts`). */
const DOWNLOAD_PREFIX = 'mirror-'

/** Downloads that no run has gone on with for a week. */
export async function* listLostStages(
  o: Pick<ObjectsCollecting, 'blobs' | 'signal'>,
  moment: Moment,
  lifeMs: number,
): AsyncGenerator<{ readonly id: string; readonly modifiedAt: Date }> {
  for await (const stage of o.blobs.listStages()) {
    if (o.signal?.aborted === true) return
    if (stage.id.startsWith(DOWNLOAD_PREFIX) && stage.modifiedAt.getTime() < moment.now.getTime() - lifeMs) yield stage
  }
}

export async function removeLostStages(o: ObjectsCollecting, moment: Moment, lifeMs: number): Promise<void> {
  await o.blobs.removeAbandoned?.(moment.now)
  for await (const { id } of listLostStages(o, moment, lifeMs)) {
    const bytes = await o.blobs.measureStage(id)
    const stage = await o.blobs.openOwnStage(id)
    await stage.discard()
    await o.db.write((tx) => settleStage(tx, id, 0))
    o.onFreed(1, bytes)
  }
}
