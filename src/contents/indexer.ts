/**
 * Keeps the contents of images in step with what is there: of all servers on one database, the one that has the lease reads the log, puts what
 * came in line, and reads it, one manifest after the other, organizations in turn. Whoever takes over goes on from what the database says.
 */

import { endRead, findNextRead, putOffRead, wantReads } from '../db/content/image-reads.ts'
import { findHidden, removeHidden } from '../db/content/images.ts'
import { findManifest } from '../db/content/manifests.ts'
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
import { isPlatform, parsed } from './indexes.ts'
import { type ReadDeps, readContents } from './read-contents.ts'
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
/** Of one image, with all its attestations. */
const MAX_WORK_MS = 5 * 60_000
const MAX_TRIES = 8
const TRY_AGAIN_MS = 5000

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
  })
  return events.length === EVENTS
}

/**
 * Reads the next one in line, and all that its index lists.
 * @param after the organization that had its turn last
 * @returns the one whose turn this was; undefined: nothing is due
 * @throws AppError CANCELLED, CONFLICT
 */
export async function readNext(
  deps: ReadDeps & { readonly logger: Logger },
  after: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { db, clock, fence, logger } = deps
  const row = await findNextRead(db.read, { now: isoTime(clock.now()), after })
  if (row === undefined) return undefined
  try {
    await readAll(deps, row, AbortSignal.any([signal, AbortSignal.timeout(MAX_WORK_MS)]))
  } catch (error) {
    if (signal.aborted || isAppError(error, 'CONFLICT')) throw error
    logger.warn({ err: error, digest: row.digest, tries: row.tries }, 'the contents of an image could not be read')
    const dueAt = isoTime(new Date(clock.now().getTime() + TRY_AGAIN_MS * 2 ** row.tries))
    await db.write(async (tx) => {
      await assertFence(tx, fence)
      await (row.tries + 1 < MAX_TRIES ? putOffRead(tx, row, dueAt) : endRead(tx, row))
    })
    return row.organization_id
  }
  await db.write(async (tx) => {
    await assertFence(tx, fence)
    await endRead(tx, row)
  })
  return row.organization_id
}

async function readAll(deps: ReadDeps, row: ImageReadRow, signal: AbortSignal): Promise<void> {
  const { repository_id: repositoryId, organization_id: organizationId } = row
  const digest = row.digest as Digest
  const manifest = parsed((await findManifest(deps.db.read, repositoryId, digest))?.bytes)
  // What is attached to something else is that one's attestation.
  if (manifest === undefined || manifest.subject !== undefined) return
  const parts = manifest.children.filter(isPlatform).slice(0, MAX_PLATFORMS)
  for (const one of new Set([digest, ...parts.map((part) => part.digest)])) {
    await readContents(deps, { organizationId, repositoryId, digest: one }, signal)
  }
}

/** Removes a batch of what does not show any more. @returns whether there is more */
export async function sweepHidden({ db, fence }: ReadDeps): Promise<boolean> {
  const seq = await findHidden(db.read)
  if (seq === undefined) return false
  await db.stage(async (tx) => {
    await assertFence(tx, fence)
    await removeHidden(tx, seq, HIDDEN_ROWS)
  })
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
      const read = await readNext(own, turn, signal)
      turn = read ?? turn
      isBusy = (await sweepHidden(own)) || isBusy || read !== undefined
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
