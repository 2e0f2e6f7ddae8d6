/** Moves of one tag that a later move stands for, where a webhook asks for that. */
import { inChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import { endFollowers } from './followers.ts'

export interface Superseding {
  readonly webhookId: string
  readonly repositoryId: string
  readonly tag: string
  readonly eventSeq: number
}

export interface Superseded {
  readonly ids: readonly string[]
  /** Where the tag pointed before the first of them; undefined: there were none. */
  readonly from: string | null | undefined
}

/**
 * Ends what is still to be delivered of the tag's earlier moves.
 * @param isUnderWay of these an attempt runs: they end by themselves
 */
export async function supersede(
  tx: Transaction,
  one: Superseding,
  o: { readonly at: string; isUnderWay(id: string): boolean },
): Promise<Superseded> {
  const rows = await tx
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('events as event', 'event.seq', 'delivery.event_seq')
    .select(['delivery.id', 'delivery.from_digest', 'delivery.event_seq', 'event.payload'])
    .where('delivery.webhook_id', '=', one.webhookId)
    .where('delivery.finished_at', 'is', null)
    .where('delivery.repository_id', '=', one.repositoryId)
    .where('delivery.tag', '=', one.tag)
    .where('delivery.kind', 'like', 'tag.%')
    .where('delivery.event_seq', '<', one.eventSeq)
    .orderBy('delivery.event_seq')
    .execute()
  const over = rows.filter(({ id }) => !o.isUnderWay(id))
  const [first] = over
  if (first === undefined) return { ids: [], from: undefined }
  for (const chunk of inChunks(over.map(({ id }) => id))) {
    await tx
      .updateTable('webhook_deliveries')
      .set({ status: 'dead', reason: 'superseded', error: 'a later move of the tag is delivered instead' })
      .set({ line: null, due_at: null, waits: 0, finished_at: o.at })
      .where('id', 'in', chunk)
      .execute()
  }
  const ended = over.map(({ event_seq: eventSeq }) => ({
    webhookId: one.webhookId,
    eventSeq,
    tag: one.tag,
    why: 'a later move of the tag is delivered instead',
  }))
  await endFollowers(tx, ended, o.at)
  const from = first.from_digest ?? (JSON.parse(first.payload) as { from?: string | null }).from ?? null
  return { ids: over.map(({ id }) => id), from }
}
