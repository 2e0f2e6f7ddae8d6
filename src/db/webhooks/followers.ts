/** Deliveries that wait for what the receiver of another webhook says of the same event (`--after`). */
import { allOfChunks, inChunks } from '../engine/chunks.ts'
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
  for (let left = ended; left.length > 0; ) {
    const byLeader = Map.groupBy(left, ({ webhookId }) => webhookId)
    const leaders = new Map((await listWebhooksById(tx, [...byLeader.keys()])).map((row) => [row.id, row.name]))
    const next: Ended[] = []
    for (const follower of await listFollowers(tx, [...byLeader.keys()])) {
      const leader = leaders.get(follower.after_id ?? '') ?? 'the webhook before it'
      const gone = await endWaitingFor(tx, follower.id, byLeader.get(follower.after_id ?? '') ?? [], leader, at)
      for (const one of gone) next.push({ ...one, webhookId: follower.id, why: 'it was not started' })
    }
    left = next
  }
}

/** Of one follower, all that waits for these. @returns those of them that something waited for */
async function endWaitingFor(
  tx: Transaction,
  followerId: string,
  ended: readonly Ended[],
  leader: string,
  at: string,
): Promise<Ended[]> {
  const keyOf = (eventSeq: number, tag: string | null) => JSON.stringify([eventSeq, tag])
  const byKey = new Map(ended.map((one) => [keyOf(one.eventSeq, one.tag), one]))
  const waiting = await allOfChunks([...new Set(ended.map(({ eventSeq }) => eventSeq))], (chunk) =>
    tx
      .selectFrom('webhook_deliveries')
      .select(['id', 'event_seq', 'tag'])
      .where('webhook_id', '=', followerId)
      .where('event_seq', 'in', chunk)
      .where('waits', '=', 1)
      .execute(),
  )
  const over = waiting.flatMap(({ id, event_seq: eventSeq, tag }) => {
    const one = byKey.get(keyOf(eventSeq, tag))
    return one === undefined ? [] : [{ id, one }]
  })
  // Most end for the same reason.
  for (const [why, group] of Map.groupBy(over, ({ one }) => one.why)) {
    const error = `not started, because ${leader} had no success: ${why}`
    for (const chunk of inChunks(group.map(({ id }) => id))) {
      await tx
        .updateTable('webhook_deliveries')
        .set((eb) => ({ generation: eb('generation', '+', 1) }))
        .set({ status: 'dead', waits: 0, reason: 'not-started', error, finished_at: at })
        .where('id', 'in', chunk)
        .execute()
    }
  }
  return over.map(({ one }) => one)
}

/** All that wait in this webhook are given up, and what waits for them: it waits for another one from now on, or for none. */
export async function endWaiting(tx: Transaction, webhookId: string, error: string, at: string): Promise<void> {
  const over = await tx
    .updateTable('webhook_deliveries')
    .set((eb) => ({ generation: eb('generation', '+', 1) }))
    .set({ status: 'dead', waits: 0, reason: 'not-started', error, finished_at: at })
    .where('webhook_id', '=', webhookId)
    .where('waits', '=', 1)
    .returning(['event_seq as eventSeq', 'tag'])
    .execute()
  const why = 'it was not started'
  await endFollowers(
    tx,
    over.map((one) => ({ ...one, webhookId, why })),
    at,
  )
}
