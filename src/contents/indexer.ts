/**
 * Keeps the contents of images in step with what is there: of all servers on one database, the one that has the lease reads the log, puts what
 * came in line, and reads it, one manifest after the other, organizations in turn. Whoever takes over goes on from what the database says.
 */

import { beginRead, endRead, findNextRead, unbeginRead, wantReads } from '../db/content/image-reads.ts'
import { findHidden, listLeftOut, removeHidden, sumBytes } from '../db/content/images.ts'
import { findManifest } from '../db/content/manifests.ts'
import type { Transaction } from '../db/engine/engine.ts'
import { findCursor, moveCursor } from '../db/platform/event-cursors.ts'
import { listEvents } from '../db/platform/events.ts'
import { findLease, voidLeases } from '../db/platform/leases.ts'
import type { ImageReadRow } from '../db/schema.ts'
import { isAppError, isCancelled } from '../errors.ts'
import { assertFence } from '../jobs/fence.ts'
import { acquireLease, type Lease } from '../jobs/leases.ts'
import { isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { systemSleep } from '../lib/retry.ts'
import type { Digest } from '../oci/digest.ts'
import { fillAttested } from './fill-attested.ts'
import { isPlatform, parsed } from './indexes.ts'
import { MAX_ORGANIZATION_BYTES, type ReadDeps, readContents } from './read-contents.ts'
import { wantedBy } from './wanted-reads.ts'

export const CONSUMER = 'images'
export const LEASE = 'images:read'
const EVENTS = 500
/** Platforms of one index: the largest official images have some ten. */
const MAX_PLATFORMS = 50
const HIDDEN_ROWS = 1000
/** How soon what has happened is seen. */
const LOOK_MS = 300
const STANDBY_MS = 1000
const AFTER_TROUBLE_MS = 2000
/** Of one manifest, with all its attestations, at first; twice as much each time that it was not enough, up to the most. */
const TURN_MS = 20_000
const MAX_WORK_MS = 5 * 60_000
const LEFT_OUT_AT_ONCE = 50
const MAX_TRIES = 8
const TRY_AGAIN_MS = 5000

function organizationsThatLost(events: Awaited<ReturnType<typeof listEvents>>): Set<string> {
  return new Set(events.flatMap((event) => (event.kind === 'tag.removed' ? event.organization_id : [])))
}

/** Reads the log on. @returns whether there may be more at once. @throws AppError CONFLICT when another server reads it now */
export async function followLog({ db, clock, fence }: ReadDeps): Promise<boolean> {
  const from = await findCursor(db.read, CONSUMER)
  const events = await listEvents(db.read, from, EVENTS)
  const last = events.at(-1)
  if (last === undefined) return false
  const wanted = wantedBy(events)
  await db.stage(async (tx) => {
    await assertFence(tx, fence)
    if (!(await moveCursor(tx, CONSUMER, { from, to: last.seq }))) return
    await wantReads(tx, wanted, isoTime(clock.now()))
    // What a tag no longer leads to may make room, and only whoever asks for some finds out.
    for (const organizationId of organizationsThatLost(events)) {
      const leftOut = await listLeftOut(tx, organizationId, MAX_ORGANIZATION_BYTES, LEFT_OUT_AT_ONCE)
      await wantReads(tx, leftOut, isoTime(clock.now()), { isNew: false })
    }
  })
  return events.length === EVENTS
}

export interface Turn {
  /** Whose turn it was. */
  readonly organizationId: string
  /** Rows that were written down. */
  readonly written: number
}

/**
 * Reads the next one in line, one manifest and no more: what an index lists is put in line. That it is tried is written down before, so that
 * what kills a server kills so many and no more; after that many it is listed as what cannot be read.
 * @param after the organization that had its turn last
 * @returns undefined: nothing is due
 * @throws AppError CANCELLED, CONFLICT
 */
export async function readNext(
  deps: ReadDeps & { readonly logger: Logger },
  after: string,
  signal: AbortSignal,
): Promise<Turn | undefined> {
  const { db, clock, fence, logger } = deps
  const now = clock.now()
  const row = await findNextRead(db.read, { now: isoTime(now), after })
  if (row === undefined) return undefined
  const { organization_id: organizationId, digest, tries } = row
  const dueAt = isoTime(new Date(now.getTime() + TRY_AGAIN_MS * 2 ** Math.min(tries, MAX_TRIES)))
  // Lost with the power all of it is lost from some moment on, and read again; the disk is left to those who wait for it.
  const inFence = (work: (tx: Transaction) => Promise<void>) =>
    db.stage(async (tx) => {
      await assertFence(tx, fence)
      await work(tx)
    })
  await inFence((tx) => beginRead(tx, row, dueAt))
  let read: { readonly written: number; readonly parts: readonly Digest[] }
  try {
    // What takes longer than its turn is put behind the others, and has more time when it comes again.
    const time = AbortSignal.timeout(Math.min(MAX_WORK_MS, TURN_MS * 2 ** tries))
    // After the last one, not even that it cannot be read can be written down.
    read = tries > MAX_TRIES ? { written: 0, parts: [] } : await readOne(deps, row, AbortSignal.any([signal, time]))
  } catch (error) {
    const isOthers = isAppError(error, 'CONFLICT')
    // Whoever is told to stop has not failed.
    if (signal.aborted && !isOthers) await inFence((tx) => unbeginRead(tx, row)).catch(() => {})
    if (signal.aborted || isOthers) throw error
    logger.warn({ err: error, digest, tries }, 'the contents of an image could not be read')
    return { organizationId, written: 0 }
  }
  const parts = read.parts.map((part) => ({ organizationId, repositoryId: row.repository_id, digest: part }))
  await inFence(async (tx) => {
    await wantReads(tx, parts, isoTime(clock.now()), { isNew: false })
    await endRead(tx, row)
  })
  return { organizationId, written: read.written }
}

async function readOne(deps: ReadDeps, row: ImageReadRow, signal: AbortSignal) {
  const { repository_id: repositoryId, organization_id: organizationId, tries } = row
  const digest = row.digest as Digest
  const manifest = parsed((await findManifest(deps.db.read, repositoryId, digest))?.bytes)
  // What is attached to something else is that one's attestation.
  if (manifest === undefined || manifest.subject !== undefined) return { written: 0, parts: [] }
  const target = { organizationId, repositoryId, digest, isGivenUp: tries >= MAX_TRIES }
  const written = await readContents(deps, target, signal)
  const parts = manifest.children.filter(isPlatform).slice(0, MAX_PLATFORMS)
  return { written, parts: [...new Set(parts.map((part) => part.digest))] }
}

/**
 * Removes a batch of what does not show any more. Where that made room, what was left out for want of it is put in line again.
 * @returns whether there may be more
 */
export async function sweepHidden({ db, clock, fence, maxBytes = MAX_ORGANIZATION_BYTES }: ReadDeps): Promise<boolean> {
  const hidden = await findHidden(db.read)
  if (hidden === undefined) return false
  await db.stage(async (tx) => {
    await assertFence(tx, fence)
    if (!(await removeHidden(tx, hidden.seq, HIDDEN_ROWS)) || hidden.bytes === 0) return
    const room = maxBytes - (await sumBytes(tx, hidden.organizationId))
    await wantReads(tx, await listLeftOut(tx, hidden.organizationId, room, LEFT_OUT_AT_ONCE), isoTime(clock.now()))
  })
  return true
}

/** More than was written down, so that what is swept never lags behind what comes, whoever's it is. */
async function sweepAfter(deps: ReadDeps, written: number): Promise<boolean> {
  for (let left = Math.max(HIDDEN_ROWS, 2 * written); left > 0; left -= HIDDEN_ROWS) {
    if (!(await sweepHidden(deps))) return false
  }
  return true
}

export interface IndexerDeps extends Omit<ReadDeps, 'fence'> {
  readonly logger: Logger
  /** Names this process. */
  readonly holder: string
  readonly leaseTtlMs: number
}

export interface Indexer {
  /** @param o.isAlone no other server is on the database: whoever had the lease is gone */
  start(o: { readonly isAlone: boolean }): Promise<void>
  close(): Promise<void>
}

export function createIndexer(deps: IndexerDeps): Indexer {
  const { db, clock, logger } = deps
  const closing = new AbortController()
  let running: Promise<void> = Promise.resolve()

  const sleep = (ms: number) =>
    systemSleep(ms, closing.signal).catch((error) => {
      if (!isCancelled(error)) throw error
    })

  async function claim(): Promise<Lease | undefined> {
    const held = await findLease(db.read, LEASE)
    // Looking costs nothing; taking is a write.
    if (held !== undefined && held.holder !== null && held.expires_at > isoTime(clock.now())) return undefined
    return acquireLease({ db, clock, key: LEASE, holder: deps.holder, ttlMs: deps.leaseTtlMs })
  }

  async function lead(lease: Lease): Promise<void> {
    const signal = AbortSignal.any([closing.signal, lease.signal])
    const own = { ...deps, fence: { key: lease.key, generation: lease.generation } }
    for (let turn = ''; !closing.signal.aborted; ) {
      lease.signal.throwIfAborted()
      let isBusy = await followLog(own)
      isBusy = (await fillAttested(own)) || isBusy
      const read = await readNext(own, turn, signal)
      turn = read?.organizationId ?? turn
      isBusy = (await sweepAfter(own, read?.written ?? 0)) || isBusy || read !== undefined
      if (!isBusy) await sleep(LOOK_MS)
    }
  }

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      let lease: Lease | undefined
      try {
        lease = await claim()
        if (lease === undefined) {
          await sleep(STANDBY_MS)
          continue
        }
        await lead(lease)
      } catch (error) {
        if (!closing.signal.aborted) {
          if (isAppError(error, 'CONFLICT')) logger.warn({ reason: error.message }, 'another server reads images now')
          else logger.error({ err: error }, 'the contents of images were not read for a moment')
          await sleep(AFTER_TROUBLE_MS)
        }
      }
      await lease?.release().catch(() => {})
    }
  }

  return {
    async start({ isAlone }) {
      if (isAlone) await db.write((tx) => voidLeases(tx, LEASE))
      running = loop()
    },
    async close() {
      closing.abort()
      await running
    },
  }
}
