/** Ends what is too old to be tried, and removes what has been kept for long enough: bit by bit, because deliveries go out in between. */
import type { Database, Transaction } from '../db/engine/engine.ts'
import {
  countDeliveries,
  endOldest,
  expireDeliveries,
  listDeliveringWebhooks,
  pruneBeyond,
  pruneDeliveries,
  removeDeliveries,
} from '../db/webhooks/keeping.ts'
import { assertFence, type Fence } from '../jobs/fence.ts'
import { type Clock, isoTime } from '../lib/clock.ts'

/** Rows of one transaction. */
const BATCH = 500
/** Rows that are counted in one step; a count costs as much as so many. */
const MAX_COUNTED = 100_000
const COUNT_COST = 1000
/** Ended deliveries are kept so long, and so many of each webhook. */
export const KEPT_MS = 30 * 24 * 60 * 60 * 1000
export const MAX_KEPT = 10_000
/** What waits for one webhook at most: beyond it the oldest are given up. */
export const MAX_OPEN = 100_000

export interface KeepDeps {
  readonly db: Database
  readonly clock: Clock
  readonly fence: Fence
  isUnderWay(deliveryId: string): boolean
  /** These are over. */
  drop(deliveryIds: readonly string[]): void
  readonly limits?: { readonly maxKept: number; readonly maxOpen: number; readonly batch?: number }
}

/** One round over the outbox; each step is one short transaction at most. @throws AppError CONFLICT when another server delivers now */
export async function* keepOutbox(deps: KeepDeps): AsyncGenerator<void, void> {
  const { db, clock, isUnderWay, drop } = deps
  const { maxKept, maxOpen, batch = BATCH } = deps.limits ?? { maxKept: MAX_KEPT, maxOpen: MAX_OPEN }
  const at = isoTime(clock.now())

  /** @param work how many rows it dealt with, at most `batch` */
  async function* untilDone(work: (tx: Transaction) => Promise<number>): AsyncGenerator<void, void> {
    for (let done = batch; done === batch; ) {
      done = await fenced(deps, work)
      yield
    }
  }

  for (let found = batch; found === batch; ) {
    const expired = await fenced(deps, (tx) => expireDeliveries(tx, at, { limit: batch, isUnderWay }))
    drop(expired)
    found = expired.length
    yield
  }
  const before = isoTime(new Date(clock.now().getTime() - KEPT_MS))
  yield* untilDone((tx) => pruneDeliveries(tx, before, batch))
  let counted = 0
  for (const { webhookId, isGone } of await listDeliveringWebhooks(db.read)) {
    if (isGone) {
      yield* untilDone((tx) => removeDeliveries(tx, webhookId, batch))
      continue
    }
    const { open, ended } = await countDeliveries(db.read, webhookId)
    const error = `given up: more than ${maxOpen} deliveries wait for this webhook`
    for (let left = open - maxOpen; left > 0; ) {
      const limit = Math.min(left, batch)
      const over = await fenced(deps, (tx) => endOldest(tx, webhookId, { limit, error, at, isUnderWay }))
      drop(over)
      left = over.length === 0 ? 0 : left - over.length
      yield
    }
    if (ended > maxKept) yield* untilDone((tx) => pruneBeyond(tx, webhookId, { most: maxKept, limit: batch }))
    counted += open + ended + COUNT_COST
    if (counted < MAX_COUNTED) continue
    counted = 0
    yield
  }
}

function fenced<T>({ db, fence }: KeepDeps, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return db.write(async (tx) => {
    await assertFence(tx, fence)
    return work(tx)
  })
}
