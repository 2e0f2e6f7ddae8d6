/** Ends what is too old to be tried, and removes what has been kept for long enough. */
import type { Database, Transaction } from '../db/engine/engine.ts'
import {
  endOldest,
  expireDeliveries,
  listOverfull,
  listOverkept,
  pruneBeyond,
  pruneDeliveries,
} from '../db/webhooks/keeping.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { assertFence, type Fence } from './fence.ts'

const BATCH = 500
/** Ended deliveries are kept so long, and so many of each webhook. */
export const KEPT_MS = 30 * 24 * 60 * 60 * 1000
export const MAX_KEPT = 10_000
/** What waits for one webhook at most: beyond it the oldest are given up. */
export const MAX_OPEN = 100_000

export interface KeepDeps {
  readonly db: Database
  readonly clock: Clock
  readonly fence: Fence
  readonly signal: AbortSignal
  isUnderWay(deliveryId: string): boolean
  /** These are over. */
  drop(deliveryIds: readonly string[]): void
  readonly limits?: { readonly maxKept: number; readonly maxOpen: number }
}

export async function keepOutbox(deps: KeepDeps): Promise<void> {
  const { db, clock, isUnderWay } = deps
  const { maxKept, maxOpen } = deps.limits ?? { maxKept: MAX_KEPT, maxOpen: MAX_OPEN }
  const at = isoTime(clock.now())
  await inBatches(deps, async (tx) => {
    const ids = await expireDeliveries(tx, at, { limit: BATCH, isUnderWay })
    return { ids, isMore: ids.length === BATCH }
  })
  for (const { webhookId, tooMany } of await listOverfull(db.read, maxOpen)) {
    const error = `given up: more than ${maxOpen} deliveries wait for this webhook`
    for (let left = tooMany; left > 0 && !deps.signal.aborted; ) {
      const limit = Math.min(left, BATCH)
      const ended = await fenced(deps, (tx) => endOldest(tx, webhookId, { limit, error, at, isUnderWay }))
      deps.drop(ended)
      if (ended.length === 0) break
      left -= ended.length
    }
  }
  const before = isoTime(new Date(clock.now().getTime() - KEPT_MS))
  await inBatches(deps, async (tx) => ({ ids: [], isMore: (await pruneDeliveries(tx, before, BATCH)) === BATCH }))
  for (const webhookId of await listOverkept(db.read, maxKept)) {
    await inBatches(deps, async (tx) => {
      const removed = await pruneBeyond(tx, webhookId, { most: maxKept, limit: BATCH })
      return { ids: [], isMore: removed === BATCH }
    })
  }
}

interface Batch {
  /** These are over. */
  readonly ids: readonly string[]
  readonly isMore: boolean
}

async function inBatches(deps: KeepDeps, work: (tx: Transaction) => Promise<Batch>): Promise<void> {
  for (;;) {
    const { ids, isMore } = await fenced(deps, work)
    deps.drop(ids)
    if (!isMore || deps.signal.aborted) return
  }
}

function fenced<T>({ db, fence }: KeepDeps, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return db.write(async (tx) => {
    await assertFence(tx, fence)
    return work(tx)
  })
}
