/**
 * Garbage collection: plan, then execute, online (docs/decisions/0068). One server at a time, under a lease; whatever a collector that
 * stood still does when it wakes is refused by the fence, and each condition is looked at again where it is acted upon.
 */
import type { BlobStore } from '../../blobs/blob-store.ts'
import { insertCollection, noteCollection } from '../../db/collection/collections.ts'
import { listCollected } from '../../db/collection/going.ts'
import type { Database, Transaction } from '../../db/engine/engine.ts'
import { AppError, messageOf } from '../../errors.ts'
import { acquireLease, type Lease } from '../../jobs/leases.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import {
  buryLostObjects,
  buryUnlinked,
  removeBuried,
  removeLostStages,
  removeUnlinkedManifests,
} from './collect-objects.ts'
import { collectRepository, noteRepository } from './collect-repository.ts'
import type { Moment } from './judge.ts'
import { judgingOf } from './plan.ts'
import { COLLECTION_LEASE, type KeepSettings, STAGED_MS } from './waits.ts'

const LEASE_TTL_MS = 60_000
const REPOSITORIES = 50

export interface CollectorOptions {
  readonly db: Database
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly settings: KeepSettings
  readonly holder: string
}

export interface Collected {
  manifests: number
  blobs: number
  objects: number
  freedBytes: number
}

export interface CollectionStart {
  /** Null: the schedule. */
  readonly requestedBy: string | null
  /** Grace times are ignored. */
  readonly isNow: boolean
  /** One repository alone: its links, and what of them nobody else has. */
  readonly repositoryId?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** In the transaction that notes its begin. */
  readonly noteStart?: ((tx: Transaction) => Promise<void>) | undefined
}

export interface StartedCollection {
  readonly id: string
  /** Rejects when it fails; ended by its signal it resolves. */
  readonly done: Promise<Collected>
}

/** @throws AppError CONFLICT while another is under way */
export async function startCollection(o: CollectorOptions, start: CollectionStart): Promise<StartedCollection> {
  const { db, clock } = o
  const lease = await acquireLease({ db, clock, key: COLLECTION_LEASE, holder: o.holder, ttlMs: LEASE_TTL_MS })
  if (lease === undefined) throw new AppError('CONFLICT', 'another collection is under way')
  const id = newId()
  try {
    await db.write(async (tx) => {
      await insertCollection(tx, {
        id,
        requested_by: start.requestedBy,
        ignores_grace: start.isNow ? 1 : 0,
        generation: lease.generation,
        started_at: isoTime(clock.now()),
      })
      await start.noteStart?.(tx)
    })
  } catch (error) {
    await lease.release()
    throw error
  }
  return { id, done: run(o, start, id, lease) }
}

async function run(o: CollectorOptions, start: CollectionStart, id: string, lease: Lease): Promise<Collected> {
  const { db, clock } = o
  const collected: Collected = { manifests: 0, blobs: 0, objects: 0, freedBytes: 0 }
  const counts = () => ({
    manifests: collected.manifests,
    blobs: collected.blobs,
    objects: collected.objects,
    freed_bytes: collected.freedBytes,
  })
  const signal = start.signal === undefined ? lease.signal : AbortSignal.any([start.signal, lease.signal])
  const note = async () => {
    db.later.add(`collection ${id}`, (tx) => noteCollection(tx, id, counts()))
  }
  let problem: string | null = null
  try {
    await collect(o, { ...start, signal }, lease, collected, note)
    if (signal.aborted) problem = 'it was broken off'
  } catch (error) {
    problem = messageOf(error)
    throw error
  } finally {
    await db.later.settled()
    const end = { ...counts(), ended_at: isoTime(clock.now()), problem }
    await db.write((tx) => noteCollection(tx, id, end)).catch(() => {})
    await lease.release().catch(() => {})
  }
  return collected
}

async function collect(
  o: CollectorOptions,
  start: CollectionStart,
  lease: Lease,
  collected: Collected,
  note: () => Promise<void>,
): Promise<void> {
  const { db, blobs, settings } = o
  const { signal } = start
  const moment: Moment = { now: o.clock.now(), settings, isNow: start.isNow }
  const fence = { key: lease.key, generation: lease.generation }
  const links = {
    db,
    fence,
    signal,
    onGone(kind: 'manifest' | 'blob', count: number) {
      if (kind === 'manifest') collected.manifests += count
      else collected.blobs += count
    },
  }
  const objects = {
    db,
    blobs,
    fence,
    signal,
    onFreed(count: number, bytes: number) {
      collected.objects += count
      collected.freedBytes += bytes
    },
  }
  // What earlier ones have left over first: it frees most, and soonest.
  await removeBuried(objects, moment)
  for (let after = ''; !isOver(signal); ) {
    const page = await listCollected(db.read, { after, limit: REPOSITORIES, id: start.repositoryId })
    if (page.length === 0) break
    for (const repository of page) {
      if (isOver(signal)) return
      await noteRepository(links, await judgingOf(db.read, repository, moment))
      // Without grace times what is doomed goes at once: the second look finds it so.
      const isChanged = await collectRepository(links, repository.id, moment)
      if (isChanged && moment.isNow) await collectRepository(links, repository.id, moment)
      await note()
    }
    after = page.at(-1)?.id ?? after
  }
  await removeUnlinkedManifests(objects)
  await buryUnlinked(objects, moment)
  if (start.repositoryId === undefined) {
    await buryLostObjects(objects, moment)
    await removeLostStages(objects, moment, STAGED_MS)
  }
  await note()
  if (moment.isNow) await removeBuried(objects, moment)
}

const isOver = (signal: AbortSignal | undefined) => signal?.aborted === true
