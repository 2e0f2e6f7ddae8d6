/** What a receiver says of a delivery, at the `callback_url` that came with it. */
import type { CallbackBody } from '../api/webhooks.ts'
import type { Database } from '../db/engine/engine.ts'
import { noteCallback } from '../db/replication/changes.ts'
import { findDelivery } from '../db/webhooks/deliveries.ts'
import { endFollowers } from '../db/webhooks/followers.ts'
import { startFollowers } from '../db/webhooks/start.ts'
import { listWebhooksById } from '../db/webhooks/webhooks.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { DELIVERY_LIFE_MS, WAITING_LIFE_MS } from './schedule.ts'

export interface CallbackDeps {
  readonly db: Database
  readonly clock: Clock
  /** Something may have to be sent now. */
  wake(): void
}

/**
 * Keeps the word, and starts what waits for it. The same word may come again; another one may not take its place.
 * @throws AppError NOT_FOUND (it is gone, or its time is over), CONFLICT (another word has come)
 */
export async function takeCallback(
  { db, clock, wake }: CallbackDeps,
  deliveryId: string,
  { state, description = null, context = null, target_url: targetUrl = null }: CallbackBody,
): Promise<void> {
  const now = clock.now()
  const at = isoTime(now)
  const isNew = await db.write(async (tx) => {
    const row = await findDelivery(tx, deliveryId)
    const [webhook] = row === undefined ? [] : await listWebhooksById(tx, [row.webhook_id])
    if (row === undefined || webhook === undefined) {
      throw new AppError('NOT_FOUND', 'the delivery of this address is gone')
    }
    const until = Date.parse(row.expires_at) - DELIVERY_LIFE_MS + WAITING_LIFE_MS
    if (until < now.getTime())
      throw new AppError('NOT_FOUND', `this address took an outcome until ${isoTime(new Date(until))}`)
    if (row.callback_state !== null) {
      if (row.callback_state === state) return false
      throw new AppError('CONFLICT', `the outcome of this delivery is ${row.callback_state}, since ${row.callback_at}`)
    }
    await tx
      .updateTable('webhook_deliveries')
      .set({ callback_state: state, callback_description: description, callback_context: context })
      .set({ callback_target_url: targetUrl, callback_at: at })
      .where('id', '=', row.id)
      .execute()
    const of = { webhookId: row.webhook_id, eventSeq: row.event_seq, tag: row.tag }
    if (state === 'success') {
      await startFollowers(tx, of, { now: at, expiresAt: isoTime(new Date(now.getTime() + DELIVERY_LIFE_MS)) })
    } else {
      const words = description === null ? '' : `: ${description}`
      await endFollowers(tx, [{ ...of, why: `its receiver said ${state}${words}` }], at)
    }
    if (row.repository_id !== null) await noteCallback(tx, row.repository_id, at)
    return true
  })
  if (isNew) wake()
}
