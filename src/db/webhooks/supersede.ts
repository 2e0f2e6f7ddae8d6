/** Moves of one tag that a later move stands for, where a webhook asks for that. Only what goes out stands for anything. */
import { inChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import type { WebhookDeliveryRow } from '../schema.ts'
import { endFollowers } from './followers.ts'

/** What goes out: a delivery whose turn comes by itself. */
export type Going = Pick<WebhookDeliveryRow, 'id' | 'webhook_id' | 'repository_id' | 'tag' | 'kind' | 'event_seq'>

export interface Superseding {
  readonly at: string
  /** Of these an attempt runs: they end by themselves. */
  isUnderWay(id: string): boolean
}

/** A push that leaves its tag where it is: no move, so it stands for none. */
export const PUSH = 'tag.pushed'

/**
 * Ends what is still to be delivered of the tag's earlier moves and pushes, and has this move begin where the first of them did.
 * @returns the ids of those that are over
 */
export async function supersede(tx: Transaction, move: Going, o: Superseding): Promise<string[]> {
  if (move.kind === PUSH) return []
  const over = (await listEarlier(tx, move)).filter(({ id }) => !o.isUnderWay(id))
  const [first] = over
  if (first === undefined) return []
  await end(tx, over, 'a later move of the tag is delivered instead', o.at)
  const from = first.from_digest ?? placesOf(first).from ?? null
  await tx.updateTable('webhook_deliveries').set({ from_digest: from }).where('id', '=', move.id).execute()
  return over.map(({ id }) => id)
}

/**
 * Drops a push where the last that is to be delivered of the tag before it tells of the same digest.
 * @returns its id, when it is over
 */
export async function dropPush(tx: Transaction, push: Going, o: Superseding): Promise<string[]> {
  if (push.kind !== PUSH || o.isUnderWay(push.id)) return []
  const one = await tx
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('events as event', 'event.seq', 'delivery.event_seq')
    .select(['delivery.id', 'delivery.webhook_id', 'delivery.tag', 'delivery.event_seq', 'event.payload'])
    .where('delivery.id', '=', push.id)
    .where('delivery.finished_at', 'is', null)
    .executeTakeFirst()
  const last = (await listEarlier(tx, push)).at(-1)
  if (one === undefined || last === undefined || placesOf(last).to !== placesOf(one).to) return []
  await end(tx, [one], 'an earlier delivery of the tag tells of the same digest', o.at)
  return [one.id]
}

/** Open deliveries of the tag's earlier moves and pushes, oldest first. */
async function listEarlier(tx: Transaction, { webhook_id, repository_id, tag, event_seq }: Going) {
  if (repository_id === null || tag === null) return []
  return tx
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('events as event', 'event.seq', 'delivery.event_seq')
    .select(['delivery.id', 'delivery.webhook_id', 'delivery.tag', 'delivery.event_seq'])
    .select(['delivery.from_digest', 'event.payload'])
    .where('delivery.webhook_id', '=', webhook_id)
    .where('delivery.finished_at', 'is', null)
    .where('delivery.repository_id', '=', repository_id)
    .where('delivery.tag', '=', tag)
    .where('delivery.kind', 'like', 'tag.%')
    .where('delivery.event_seq', '<', event_seq)
    .orderBy('delivery.event_seq')
    .execute()
}

async function end(
  tx: Transaction,
  rows: readonly Pick<WebhookDeliveryRow, 'id' | 'webhook_id' | 'event_seq' | 'tag'>[],
  why: string,
  at: string,
): Promise<void> {
  for (const chunk of inChunks(rows.map(({ id }) => id))) {
    await tx
      .updateTable('webhook_deliveries')
      .set((eb) => ({ generation: eb('generation', '+', 1) }))
      .set({ status: 'dead', reason: 'superseded', error: why })
      .set({ line: null, due_at: null, waits: 0, finished_at: at })
      .where('id', 'in', chunk)
      .execute()
  }
  const ended = rows.map((row) => ({ webhookId: row.webhook_id, eventSeq: row.event_seq, tag: row.tag, why }))
  await endFollowers(tx, ended, at)
}

function placesOf({ payload }: { readonly payload: string }) {
  return JSON.parse(payload) as { readonly from?: string | null; readonly to?: string | null }
}
