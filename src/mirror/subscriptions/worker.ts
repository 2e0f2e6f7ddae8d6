/**
 * What a subscription does by itself, under a lease: reads its catalog when that is due, makes mirrors in small batches, brings changes to
 * its mirrors. Each step is a transaction that checks lease and version, so that whatever ends in between goes on where it was.
 */
import type { Transaction } from '../../db/engine/engine.ts'
import {
  insertEntries,
  listDueEntries,
  listEntryFacts,
  listSubscribedMirrors,
  lookAgain,
  removeEntries,
  updateEntries,
} from '../../db/mirrors/subscription-entries.ts'
import { findSubscription, type SubscriptionRecord, updateSubscription } from '../../db/mirrors/subscriptions.ts'
import { findUpstreamById } from '../../db/mirrors/upstreams.ts'
import { findLease } from '../../db/platform/leases.ts'
import { AppError, isAppError } from '../../errors.ts'
import { acquireLease, type Lease } from '../../jobs/leases.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { nextRunAt } from '../life/schedule.ts'
import { parsePending, restOf } from './pending.ts'
import { planRead, type ReadPlan } from './plan-read.ts'
import { readCatalog, withAdvice } from './read-catalog.ts'
import { selectionOf } from './selection.ts'
import { settleStanding } from './settle.ts'
import { causeOf } from './standing.ts'
import type { SubscriptionsOptions } from './subscriptions.ts'
import { getOrganization, takeEntry } from './take-entry.ts'

export const SUBSCRIPTION_LEASE = 'subscription:'
const LEASE_TTL_MS = 30_000
/** Mirrors of one transaction: others get their turn between two. */
const BATCH = 20
/** Rows of entries of one transaction. */
const ROWS = 2000
/** A catalog that takes longer is no answer. */
const MAX_READ_MS = 10 * 60_000

export interface WorkerOptions extends SubscriptionsOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly intervalMs: number
  readonly firstRunsApartMs: number
  readonly holder: string
}

interface Turn {
  readonly row: SubscriptionRecord
  readonly lease: Lease
  /** Aborts with the lease, and with the server. */
  readonly signal: AbortSignal
}

/** @returns does all that is due for one; false when another server is at it */
export function createWork(o: WorkerOptions): (id: string, signal: AbortSignal) => Promise<boolean> {
  const { db, clock } = o
  const now = () => isoTime(clock.now())

  /** False when people have changed it since it was read. @throws AppError CANCELLED when another server has taken over */
  async function step({ row, lease }: Turn, work: (tx: Transaction) => Promise<void>): Promise<boolean> {
    return db.write(async (tx) => {
      const held = await findLease(tx, lease.key)
      const present = await findSubscription(tx, row.id)
      if (held?.generation !== lease.generation || held.holder === null) {
        throw new AppError('CANCELLED', `another server has the lease ${lease.key}`)
      }
      if (present?.version !== row.version) return false
      await work(tx)
      return true
    })
  }

  const by = (row: SubscriptionRecord) => ({ actor: `subscription:${row.id}`, at: now() })

  async function read(turn: Turn): Promise<void> {
    const { row, signal } = turn
    const deadline = AbortSignal.timeout(MAX_READ_MS)
    let plan: ReadPlan
    let listed: number
    try {
      const upstream = await findUpstreamById(db.read, row.upstream_id)
      if (upstream === undefined) throw new Error(`the upstream of subscription ${row.id} is gone`)
      const open = () => o.openRegistry(upstream, row.organization_id)
      const within = AbortSignal.any([signal, deadline])
      const reading = await readCatalog(open, row.upstream, selectionOf(row), within)
      listed = reading.listed
      const acceptShrink = row.accept_shrink === 1 || row.repositories !== null
      plan = planRead(await listEntryFacts(db.read, row.id), reading, { before: row.listed, acceptShrink })
    } catch (error) {
      if (signal.aborted) throw cancelledBy(signal)
      const seen = deadline.aborted
        ? new AppError('UPSTREAM_UNAVAILABLE', `${row.upstream} took more than 10 minutes to list its repositories`)
        : withAdvice(error, row.upstream)
      if (!isAppError(seen)) o.logger.error({ err: seen, subscription: row.id }, 'a catalog could not be read')
      await settleFailed(turn, causeOf(seen))
      return
    }
    if (plan.brake !== undefined) await settleFailed(turn, { cause: 'shrink', problem: plan.brake })
    else await apply(turn, plan, listed)
  }

  async function settleFailed(turn: Turn, why: ReturnType<typeof causeOf>): Promise<void> {
    const { row } = turn
    const failed = row.failed_reads + 1
    await step(turn, async (tx) => {
      const next = nextReadAt(why.cause === 'shrink' ? 0 : failed)
      await updateSubscription(tx, row.id, { ...why, failed_reads: failed, next_read_at: next })
      await settleStanding(tx, row.id, by(row))
    })
  }

  /** @param failed reads that failed in a row */
  function nextReadAt(failed: number): string {
    const outcome = failed === 0 ? 'done' : 'failed'
    const cadence = { everyMs: o.intervalMs }
    return nextRunAt({ now: clock.now(), outcome, failedBefore: failed, cadence, random: o.random })
  }

  async function apply(turn: Turn, plan: ReadPlan, listed: number): Promise<void> {
    const { id } = turn.row
    const parts: readonly (readonly [
      readonly string[],
      (tx: Transaction, names: readonly string[]) => Promise<void>,
    ])[] = [
      [plan.added, (tx, names) => insertEntries(tx, id, names, now())],
      [plan.relisted, (tx, names) => updateEntries(tx, id, names, { listed: 1 })],
      [plan.unlisted, (tx, names) => updateEntries(tx, id, names, { listed: 0 })],
      [plan.forgotten, (tx, names) => removeEntries(tx, id, names)],
    ]
    for (const [names, write] of parts) {
      for (let at = 0; at < names.length; at += ROWS) {
        if (!(await step(turn, (tx) => write(tx, names.slice(at, at + ROWS))))) return
      }
    }
    await step(turn, async (tx) => {
      await lookAgain(tx, id)
      await updateSubscription(tx, id, {
        listed,
        read_at: now(),
        next_read_at: nextReadAt(0),
        failed_reads: 0,
        accept_shrink: 0,
        cause: null,
        problem: null,
      })
    })
  }

  /** @returns false when nothing is left to be made */
  async function take(turn: Turn): Promise<boolean> {
    const { row } = turn
    const due = await listDueEntries(db.read, row.id, BATCH)
    if (due.length === 0) return false
    const isDone = await step(turn, async (tx) => {
      const upstream = await findUpstreamById(tx, row.upstream_id)
      if (upstream === undefined) return
      const organization = await getOrganization(tx, row.organization)
      const at = now()
      // First runs begin one after the other, over batches and restarts too.
      const planned = (await findSubscription(tx, row.id))?.first_runs_until ?? null
      let next = planned === null ? 0 : Date.parse(planned) + o.firstRunsApartMs
      for (const { repository, made } of await listDueEntries(tx, row.id, BATCH)) {
        const question = {
          subscriptionId: row.id,
          organization,
          upstream,
          source: repository,
          wasMade: made === 1,
          adopt: row.adopt === 1,
        }
        next = Math.max(next, Date.parse(at))
        const isNew = await takeEntry(tx, row, question, { at, due: isoTime(new Date(next)) })
        if (isNew) next += o.firstRunsApartMs
      }
      const last = isoTime(new Date(next - o.firstRunsApartMs))
      await updateSubscription(tx, row.id, { first_runs_until: last })
    })
    if (isDone) o.mirrors.wake()
    return true
  }

  /** One batch of what people asked to be done to its mirrors; done twice it is done all the same. */
  async function pass(turn: Turn, pending: ReturnType<typeof parsePending> & object): Promise<void> {
    const { row, signal } = turn
    const batch = await listSubscribedMirrors(db.read, row.id, { after: pending.after, limit: BATCH })
    for (const { id } of batch) {
      if (signal.aborted) throw cancelledBy(signal)
      try {
        if (pending.settings !== undefined) await o.mirrors.change(id, pending.settings, pending.by)
        if (pending.stop === true) await o.mirrors.stop(id, pending.by)
      } catch (error) {
        // Removed meanwhile, or it does not take the change: that is this mirror's alone.
        if (!isAppError(error)) throw error
        o.logger.warn({ subscription: row.id, mirror: id, reason: error.message }, 'a mirror was left as it is')
      }
    }
    await step(turn, (tx) =>
      updateSubscription(tx, row.id, { pending: restOf(pending, batch.length < BATCH ? undefined : batch.at(-1)) }),
    )
  }

  async function turnOf(id: string, lease: Lease, signal: AbortSignal): Promise<boolean> {
    const row = await findSubscription(db.read, id)
    if (row === undefined) return false
    const turn = { row, lease, signal }
    const pending = parsePending(row.pending)
    if (pending !== undefined) {
      await pass(turn, pending)
      return true
    }
    const isAtWork = row.state !== 'stopped' && row.cause !== 'hand'
    if (isAtWork && row.next_read_at !== null && row.next_read_at <= now()) {
      await read(turn)
      return true
    }
    if (isAtWork && (await take(turn))) return true
    return !(await step(turn, async (tx) => {
      await updateSubscription(tx, id, { work_due: 0 })
      await settleStanding(tx, id, by(row))
    }))
  }

  return async (id, closing) => {
    const key = `${SUBSCRIPTION_LEASE}${id}`
    const lease = await acquireLease({ db, clock, key, holder: o.holder, ttlMs: LEASE_TTL_MS })
    if (lease === undefined) return false
    const signal = AbortSignal.any([closing, lease.signal])
    try {
      while (!signal.aborted && (await turnOf(id, lease, signal)));
      return !lease.signal.aborted
    } finally {
      await lease.release()
    }
  }
}
