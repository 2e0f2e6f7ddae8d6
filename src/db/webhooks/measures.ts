/** The outbox in numbers, for a monitoring system. */
import type { Queries } from '../engine/engine.ts'
import type { WebhookCounterRow } from '../schema.ts'

export interface WebhookMeasures {
  /** What is still to be delivered: not tried yet, and tried in vain. */
  readonly open: { readonly pending: number; readonly failed: number }
  /** When the oldest of those came about. */
  readonly oldest: string | null
  readonly disabled: number
  readonly counters: readonly WebhookCounterRow[]
}

export async function readWebhookMeasures(db: Queries): Promise<WebhookMeasures> {
  const open = await db
    .selectFrom('webhook_deliveries')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count'), eb.fn.min('event_at').as('oldest')])
    .where('finished_at', 'is', null)
    // Of one that is deleted something may be there for a moment.
    .where('webhook_id', 'in', (eb) => eb.selectFrom('webhooks').select('id'))
    .groupBy('status')
    .execute()
  const of = (status: string) => Number(open.find((row) => row.status === status)?.count ?? 0)
  const disabled = await db
    .selectFrom('webhooks')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('disabled_reason', 'is not', null)
    .executeTakeFirst()
  const counters = await db.selectFrom('webhook_counters').selectAll().execute()
  return {
    open: { pending: of('pending'), failed: of('failed') },
    oldest: open.map((row) => row.oldest).sort()[0] ?? null,
    disabled: Number(disabled?.count ?? 0),
    counters: counters.map((row) => ({ ...row, total: Number(row.total) })),
  }
}
