/**
 * Times to come that nothing of today can have planned: a clock wrote them that has been set back since. What waits for such a time would
 * wait for years, so it is brought back to the present (decision record 33).
 */
import type { Queries, Transaction } from '../engine/engine.ts'

/** Clocks of two servers differ by less, and nothing is harmed by so much. */
export const CLOCK_SLACK_MS = 60_000
/** No server plans further ahead than this for leases and hints (`KAGAMI_TAKEOVER` is 10 minutes at most), logins and catalogs. */
const FARTHEST_MS = 11 * 60_000
const FARTHEST_READ_MS = 66 * 60_000
/** No delivery waits longer for its next try, is tried for longer, or waits longer for another webhook's receiver (`events/schedule.ts`). */
const FARTHEST_TRY_MS = 10 * 60 * 60_000
const DELIVERY_MS = 24 * 60 * 60_000
const WAITING_MS = 2 * DELIVERY_MS

const MINUTE_MS = 60_000

/** Times of the schedule, held against the present. ISO 8601. */
export interface Present {
  readonly now: string
  /** Whoever lives says so again before this. */
  readonly leasesUntil: string
}

const later = (now: string, ms: number) => new Date(Date.parse(now) + ms).toISOString()

/** Mirrors whose next run is further away than `after`, with what people set for them. */
export async function listFarMirrors(
  db: Queries,
  after: string,
): Promise<{ readonly id: string; readonly settings: string; readonly next_run_at: string }[]> {
  const rows = await db
    .selectFrom('mirrors')
    .select(['id', 'settings', 'next_run_at'])
    .where('state', '!=', 'stopped')
    .where('next_run_at', '>', after)
    .execute()
  return rows.flatMap(({ next_run_at, ...row }) => (next_run_at === null ? [] : [{ ...row, next_run_at }]))
}

/** Whether a lease, a hint, a catalog or a webhook waits for a time that is too far away: a few rows are looked at. */
export async function hasFarTimes(db: Queries, now: string): Promise<boolean> {
  const far = later(now, FARTHEST_MS)
  const found = await Promise.all([
    db
      .selectFrom('leases')
      .select('key')
      .where('holder', 'is not', null)
      .where('expires_at', '>', far)
      .executeTakeFirst(),
    db.selectFrom('mirror_hints').select('tag').where('due_at', '>', far).executeTakeFirst(),
    db
      .selectFrom('subscriptions')
      .select('id')
      .where((eb) =>
        eb.or([
          eb('next_read_at', '>', later(now, FARTHEST_READ_MS)),
          eb('first_runs_until', '>', later(now, FARTHEST_READ_MS)),
        ]),
      )
      .executeTakeFirst(),
    findFarWebhook(db, now),
  ])
  return found.some((row) => row !== undefined)
}

/** A webhook that a wrong clock says something of; its deliveries are looked at by their indexes. */
function findFarWebhook(db: Queries, now: string) {
  const wrong = later(now, CLOCK_SLACK_MS)
  return db
    .selectFrom('webhooks')
    .select('id')
    .where((eb) => {
      const open = eb
        .selectFrom('webhook_deliveries')
        .select('webhook_deliveries.id')
        .whereRef('webhook_deliveries.webhook_id', '=', 'webhooks.id')
      return eb.or([
        eb('failing_since', '>', wrong),
        eb('old_secret_until', '>', later(wrong, DELIVERY_MS)),
        eb.exists(open.where('due_at', '>', later(now, FARTHEST_TRY_MS))),
        eb.exists(open.where('finished_at', '>', wrong)),
        eb.exists(open.where('finished_at', 'is', null).where('expires_at', '>', later(wrong, WAITING_MS))),
      ])
    })
    .limit(1)
    .executeTakeFirst()
}

/**
 * Brings back whatever waits for, or is ordered by, a time to come. Facts that are only shown (events, the history of tags) keep theirs.
 * A lease is given what its holder has at most to say that it lives: nobody is taken for dead for the clock's sake.
 */
export async function bringBackTimes(tx: Transaction, { now, leasesUntil }: Present): Promise<void> {
  const wrong = later(now, CLOCK_SLACK_MS)
  const far = later(now, FARTHEST_MS)
  const farRead = later(now, FARTHEST_READ_MS)
  await tx
    .updateTable('leases')
    .set({ expires_at: leasesUntil })
    .where('holder', 'is not', null)
    .where('expires_at', '>', far)
    .execute()
  await tx.updateTable('mirror_hints').set({ due_at: now }).where('due_at', '>', far).execute()
  await tx.updateTable('subscriptions').set({ next_read_at: now }).where('next_read_at', '>', farRead).execute()
  await tx
    .updateTable('subscriptions')
    .set({ first_runs_until: null })
    .where('first_runs_until', '>', farRead)
    .execute()
  // Their ids tell the order of those that have the same time now; new ones come after them.
  await tx.updateTable('sync_runs').set({ started_at: now }).where('started_at', '>', wrong).execute()
  await tx.updateTable('sync_runs').set({ ended_at: now }).where('ended_at', '>', wrong).execute()
  await tx.updateTable('mirrors').set({ since: now }).where('since', '>', wrong).execute()
  await tx.updateTable('mirrors').set({ looked_at: now }).where('looked_at', '>', wrong).execute()
  await tx.updateTable('mirror_tags').set({ absent_since: now }).where('absent_since', '>', wrong).execute()
  await tx.updateTable('mirror_tags').set({ behind_since: now }).where('behind_since', '>', wrong).execute()
  await tx.updateTable('upload_sessions').set({ updated_at: now }).where('updated_at', '>', wrong).execute()
  await tx.updateTable('stage_reservations').set({ at: now }).where('at', '>', wrong).execute()
  await bringBackWebhooks(tx, now)
  // Their window is five minutes: no longer than that is anybody kept out.
  await tx
    .updateTable('failed_logins')
    .set({ ends_at: later(now, 5 * MINUTE_MS) })
    .where('ends_at', '>', later(now, 6 * MINUTE_MS))
    .execute()
}

async function bringBackWebhooks(tx: Transaction, now: string): Promise<void> {
  const wrong = later(now, CLOCK_SLACK_MS)
  const [life, waiting] = [later(now, DELIVERY_MS), later(now, WAITING_MS)]
  await tx.updateTable('webhooks').set({ failing_since: now }).where('failing_since', '>', wrong).execute()
  await tx
    .updateTable('webhooks')
    .set({ old_secret_until: life })
    .where('old_secret_until', '>', later(wrong, DELIVERY_MS))
    .execute()
  const deliveries = () => tx.updateTable('webhook_deliveries')
  await deliveries().set({ due_at: now }).where('due_at', '>', later(now, FARTHEST_TRY_MS)).execute()
  const open = deliveries().where('finished_at', 'is', null)
  for (const [waits, until, far] of [
    [0, life, later(wrong, DELIVERY_MS)],
    [1, waiting, later(wrong, WAITING_MS)],
  ] as const) {
    await open.set({ expires_at: until }).where('waits', '=', waits).where('expires_at', '>', far).execute()
  }
  await deliveries().set({ finished_at: now }).where('finished_at', '>', wrong).execute()
}
