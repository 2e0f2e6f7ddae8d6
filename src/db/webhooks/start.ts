/** Deliveries that have waited for the word of another webhook's receiver, and begin. */
import { inChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import { supersede } from './supersede.ts'
import { listFollowers } from './webhooks.ts'

/**
 * Those that wait for this one begin now, also those that were given up because it had failed. Where the webhook wants only the last move of a
 * tag, what is still to be delivered of earlier ones ends, even if it is just being sent by whichever server delivers: that comes to an end
 * as it does without.
 */
export async function startFollowers(
  tx: Transaction,
  of: { readonly webhookId: string; readonly eventSeq: number; readonly tag: string | null },
  o: { readonly now: string; readonly expiresAt: string },
): Promise<void> {
  const followers = await listFollowers(tx, [of.webhookId])
  const coalescing = new Set(followers.filter((one) => one.coalesce_moves === 1).map(({ id }) => id))
  for (const chunk of inChunks(followers.map(({ id }) => id))) {
    const rows = await tx
      .updateTable('webhook_deliveries')
      .set({ status: 'pending', waits: 0, due_at: o.now, expires_at: o.expiresAt, reason: null, error: null })
      .set((eb) => ({ finished_at: null, generation: eb('generation', '+', 1) }))
      .where('webhook_id', 'in', chunk)
      .where('event_seq', '=', of.eventSeq)
      .where((eb) => (of.tag === null ? eb('tag', 'is', null) : eb('tag', '=', of.tag)))
      .where((eb) => eb.or([eb('waits', '=', 1), eb('reason', '=', 'not-started')]))
      .returning(['id', 'webhook_id', 'repository_id', 'tag', 'kind', 'event_seq'])
      .execute()
    for (const row of rows) {
      if (!coalescing.has(row.webhook_id) || !row.kind.startsWith('tag.')) continue
      await supersede(tx, row, { at: o.now, isUnderWay: () => false })
    }
  }
}
