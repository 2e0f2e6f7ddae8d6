/** What the outbox keeps no longer: what is too old to be tried, and what has been kept for long enough. */
import { sql } from 'kysely'
import { inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { endFollowers } from './followers.ts'

const NOT_TRIED = 'not tried within its time: the webhook was disabled, or its receiver too slow'
const NOT_DELIVERED = 'not delivered within its time'

/** Deliveries that may not be tried any more. @returns which, at most `limit` */
export async function expireDeliveries(
  tx: Transaction,
  now: string,
  o: { readonly limit: number; isUnderWay(id: string): boolean },
): Promise<string[]> {
  const rows = await tx
    .selectFrom('webhook_deliveries')
    .select(['id', 'webhook_id', 'event_seq', 'tag'])
    .where('finished_at', 'is', null)
    .where('expires_at', '<', now)
    .orderBy('expires_at')
    .limit(o.limit)
    .execute()
  const over = rows.filter(({ id }) => !o.isUnderWay(id))
  const ids = over.map(({ id }) => id)
  const errors = new Map<string, string | null>()
  for (const chunk of inChunks(ids)) {
    const ended = await tx
      .updateTable('webhook_deliveries')
      .set((eb) => ({
        reason: eb.case().when('waits', '=', 1).then('not-started').else('expired').end(),
        error: eb
          .case()
          .when('waits', '=', 1)
          .then(sql<string>`'not started: ' || coalesce(error, 'it waits') || ', and nothing was said in time'`)
          .when('tries', '=', 0)
          .then(NOT_TRIED)
          .else(eb.fn.coalesce('error', eb.val(NOT_DELIVERED)))
          .end(),
        generation: eb('generation', '+', 1),
      }))
      .set({ status: 'dead', finished_at: now, line: null, due_at: null, waits: 0 })
      .where('id', 'in', chunk)
      .returning(['id', 'error'])
      .execute()
    for (const { id, error } of ended) errors.set(id, error)
  }
  const ended = over.map((row) => ({
    webhookId: row.webhook_id,
    eventSeq: row.event_seq,
    tag: row.tag,
    why: errors.get(row.id) ?? NOT_DELIVERED,
  }))
  await endFollowers(tx, ended, now)
  return ids
}

/** Webhooks that deliveries are of, also those that are deleted (`isGone`). */
export async function listDeliveringWebhooks(
  db: Queries,
): Promise<readonly { readonly webhookId: string; readonly isGone: boolean }[]> {
  // From one webhook to the next, past their deliveries.
  const { rows } = await sql<{ id: string; present: string | null }>`
    WITH RECURSIVE one (id) AS (
      SELECT min(webhook_id) FROM webhook_deliveries
      UNION ALL
      SELECT (SELECT min(webhook_id) FROM webhook_deliveries WHERE webhook_id > one.id) FROM one WHERE one.id IS NOT NULL
    )
    SELECT one.id, webhooks.id AS present FROM one LEFT JOIN webhooks ON webhooks.id = one.id WHERE one.id IS NOT NULL`.execute(
    db,
  )
  return rows.map(({ id, present }) => ({ webhookId: id, isGone: present === null }))
}

/** What waits for a webhook, and what of it is over. */
export async function countDeliveries(
  db: Queries,
  webhookId: string,
): Promise<{ readonly open: number; readonly ended: number }> {
  const count = async (operator: 'is' | 'is not') => {
    const row = await db
      .selectFrom('webhook_deliveries')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('webhook_id', '=', webhookId)
      .where('finished_at', operator, null)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  }
  return { open: await count('is'), ended: await count('is not') }
}

/** Ends the oldest open ones of a webhook. @returns which */
export async function endOldest(
  tx: Transaction,
  webhookId: string,
  o: { readonly limit: number; readonly error: string; readonly at: string; isUnderWay(id: string): boolean },
): Promise<string[]> {
  const rows = await tx
    .selectFrom('webhook_deliveries')
    .select(['id', 'event_seq', 'tag'])
    .where('webhook_id', '=', webhookId)
    .where('finished_at', 'is', null)
    .orderBy('expires_at')
    .limit(o.limit)
    .execute()
  const over = rows.filter(({ id }) => !o.isUnderWay(id))
  for (const chunk of inChunks(over.map(({ id }) => id))) {
    await tx
      .updateTable('webhook_deliveries')
      .set((eb) => ({ generation: eb('generation', '+', 1) }))
      .set({ status: 'dead', reason: 'backlog', error: o.error, finished_at: o.at })
      .set({ line: null, due_at: null, waits: 0 })
      .where('id', 'in', chunk)
      .execute()
  }
  const ended = over.map((row) => ({ webhookId, eventSeq: row.event_seq, tag: row.tag, why: o.error }))
  await endFollowers(tx, ended, o.at)
  return over.map(({ id }) => id)
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

/** Removes what a deleted webhook has left. @returns how many, at most `limit` */
export async function removeDeliveries(tx: Transaction, webhookId: string, limit: number): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('webhook_deliveries')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('webhook_deliveries as left')
        .select('left.id')
        .where('left.webhook_id', '=', webhookId)
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
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
