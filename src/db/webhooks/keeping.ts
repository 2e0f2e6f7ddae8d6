/** What the outbox keeps no longer: what is too old to be tried, and what has been kept for long enough. */
import { inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { endFollowers } from './followers.ts'

/** Deliveries that may not be tried any more. @returns how many, at most `limit` */
export async function expireDeliveries(
  tx: Transaction,
  now: string,
  o: { readonly limit: number; isUnderWay(id: string): boolean },
): Promise<string[]> {
  const rows = await tx
    .selectFrom('webhook_deliveries')
    .select(['id', 'webhook_id', 'event_seq', 'tag', 'waits', 'error', 'tries'])
    .where('finished_at', 'is', null)
    .where('expires_at', '<', now)
    .orderBy('expires_at')
    .limit(o.limit)
    .execute()
  const over = rows.filter(({ id }) => !o.isUnderWay(id))
  for (const row of over) {
    const error =
      row.waits === 1
        ? `not started: ${row.error ?? 'it waits'}, and nothing was said in time`
        : row.tries === 0
          ? 'not tried within its time: the webhook was disabled, or its receiver too slow'
          : (row.error ?? 'not delivered within its time')
    await end(tx, [row.id], { reason: row.waits === 1 ? 'not-started' : 'expired', error, at: now })
    await endFollowers(tx, [{ webhookId: row.webhook_id, eventSeq: row.event_seq, tag: row.tag, why: error }], now)
  }
  return over.map(({ id }) => id)
}

async function end(
  tx: Transaction,
  ids: readonly string[],
  o: { readonly reason: string; readonly error: string; readonly at: string },
): Promise<void> {
  for (const chunk of inChunks(ids)) {
    await tx
      .updateTable('webhook_deliveries')
      .set({ status: 'dead', reason: o.reason, error: o.error, finished_at: o.at })
      .set({ line: null, due_at: null, waits: 0 })
      .where('id', 'in', chunk)
      .execute()
  }
}

/** Webhooks with more open deliveries than `most`, and how many too many. */
export async function listOverfull(
  db: Queries,
  most: number,
): Promise<readonly { readonly webhookId: string; readonly tooMany: number }[]> {
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select((eb) => ['webhook_id', eb.fn.countAll<number>().as('count')])
    .where('finished_at', 'is', null)
    .groupBy('webhook_id')
    .having((eb) => eb.fn.countAll(), '>', most)
    .execute()
  return rows.map((row) => ({ webhookId: row.webhook_id, tooMany: Number(row.count) - most }))
}

/** Ends the oldest open ones of a webhook. */
export async function endOldest(
  tx: Transaction,
  webhookId: string,
  o: { readonly limit: number; readonly error: string; readonly at: string; isUnderWay(id: string): boolean },
): Promise<string[]> {
  const rows = await tx
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('webhook_id', '=', webhookId)
    .where('finished_at', 'is', null)
    .orderBy('expires_at')
    .limit(o.limit)
    .execute()
  const ids = rows.map(({ id }) => id).filter((id) => !o.isUnderWay(id))
  await end(tx, ids, { reason: 'backlog', error: o.error, at: o.at })
  return ids
}

/** Removes what ended before `before`. @returns how many, at most `limit` */
export async function pruneDeliveries(tx: Transaction, before: string, limit: number): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('webhook_deliveries')
    .where('id', 'in', (eb) =>
      eb.selectFrom('webhook_deliveries as old').select('old.id').where('old.finished_at', '<', before).limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Webhooks that keep more ended deliveries than `most`. */
export async function listOverkept(db: Queries, most: number): Promise<string[]> {
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select('webhook_id')
    .where('finished_at', 'is not', null)
    .groupBy('webhook_id')
    .having((eb) => eb.fn.countAll(), '>', most)
    .execute()
  return rows.map((row) => row.webhook_id)
}

/** Removes the oldest ended ones of a webhook beyond `most`. @returns how many, at most `limit` */
export async function pruneBeyond(
  tx: Transaction,
  webhookId: string,
  o: { readonly most: number; readonly limit: number },
): Promise<number> {
  const last = await tx
    .selectFrom('webhook_deliveries')
    .select('finished_at')
    .where('webhook_id', '=', webhookId)
    .where('finished_at', 'is not', null)
    .orderBy('finished_at', 'desc')
    .offset(o.most)
    .limit(1)
    .executeTakeFirst()
  const until = last?.finished_at
  if (until === undefined || until === null) return 0
  const { numDeletedRows } = await tx
    .deleteFrom('webhook_deliveries')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('webhook_deliveries as old')
        .select('old.id')
        .where('old.webhook_id', '=', webhookId)
        .where('old.finished_at', '<=', until)
        .limit(o.limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
