/** Deliveries that wait for what the receiver of another webhook says of the same event (`--after`). */
import type { Transaction } from '../engine/engine.ts'
import { listFollowers, listWebhooksById } from './webhooks.ts'

/** A delivery that will have no success. */
export interface Ended {
  readonly webhookId: string
  readonly eventSeq: number
  readonly tag: string | null
  /** As the end of a sentence that begins with the webhook's name. */
  readonly why: string
}

/** Of those that wait for these, nothing will come; nor of those that wait for them in turn. */
export async function endFollowers(tx: Transaction, ended: readonly Ended[], at: string): Promise<void> {
  let left = ended
  while (left.length > 0) {
    const followers = await listFollowers(tx, [...new Set(left.map(({ webhookId }) => webhookId))])
    if (followers.length === 0) return
    const byLeader = Map.groupBy(followers, (one) => one.after_id)
    const next: Ended[] = []
    for (const one of left) {
      const [leader] = await listWebhooksById(tx, [one.webhookId])
      for (const follower of byLeader.get(one.webhookId) ?? []) {
        const error = `not started, because ${leader?.name ?? 'the webhook before it'} had no success: ${one.why}`
        const gone = await tx
          .updateTable('webhook_deliveries')
          .set({ status: 'dead', waits: 0, reason: 'not-started', error, finished_at: at })
          .where('webhook_id', '=', follower.id)
          .where('event_seq', '=', one.eventSeq)
          .where((eb) => (one.tag === null ? eb('tag', 'is', null) : eb('tag', '=', one.tag)))
          .where('waits', '=', 1)
          .returning('id')
          .execute()
        if (gone.length > 0) next.push({ ...one, webhookId: follower.id, why: 'it was not started' })
      }
    }
    left = next
  }
}

/** All that wait in this webhook are given up: it waits for another one from now on, or for none. */
export async function endWaiting(tx: Transaction, webhookId: string, error: string, at: string): Promise<void> {
  await tx
    .updateTable('webhook_deliveries')
    .set({ status: 'dead', waits: 0, reason: 'not-started', error, finished_at: at })
    .where('webhook_id', '=', webhookId)
    .where('waits', '=', 1)
    .execute()
}
