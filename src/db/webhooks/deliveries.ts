/** What is to be delivered, to whom, and when: the lines of the outbox. */
import { allOfChunks, inChunks } from '../engine/chunks.ts'
import { parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareRows } from '../engine/prepared.ts'
import type { DeliveryStatus, WebhookAttemptRow, WebhookDeliveryRow, WebhookRow } from '../schema.ts'

/** A delivery with all that its payload is made of. */
export interface LoadedDelivery extends WebhookDeliveryRow {
  readonly actor: string
  readonly payload: string
  readonly organization_id: string
  /** Null: it is gone, or the event is of none. */
  readonly repository_name: string | null
  readonly repository_description: string | null
  readonly repository_visibility: 'private' | 'public' | null
  readonly repository_created_at: string | null
}

const insertRows = prepareRows<WebhookDeliveryRow, unknown>((db, chunk) =>
  db
    .insertInto('webhook_deliveries')
    .values(chunk)
    .onConflict((conflict) => conflict.column('id').doNothing()),
)

/** Those that are there already stay as they are. */
export async function insertDeliveries(tx: Transaction, rows: readonly WebhookDeliveryRow[]): Promise<void> {
  await insertRows(tx, rows)
}

function loaded(db: Queries) {
  return db
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('events as event', 'event.seq', 'delivery.event_seq')
    .leftJoin('repositories as repository', 'repository.id', 'delivery.repository_id')
    .selectAll('delivery')
    .select(['event.actor', 'event.payload', 'event.organization_id', 'repository.name as repository_name'])
    .select(['repository.description as repository_description', 'repository.visibility as repository_visibility'])
    .select('repository.created_at as repository_created_at')
}

/** The next in a webhook's line after a place, in their order. */
export async function loadLine(
  db: Queries,
  webhookId: string,
  o: { readonly after: number; readonly limit: number },
): Promise<LoadedDelivery[]> {
  return loaded(db)
    .where('delivery.webhook_id', '=', webhookId)
    .where('delivery.line', '>', o.after)
    .orderBy('delivery.line')
    .limit(o.limit)
    .execute()
}

/** Those of a webhook that are to be tried out of the line by now. */
export async function loadDue(
  db: Queries,
  webhookId: string,
  o: { readonly now: string; readonly limit: number },
): Promise<LoadedDelivery[]> {
  return loaded(db)
    .where('delivery.webhook_id', '=', webhookId)
    .where('delivery.due_at', '<=', o.now)
    .orderBy('delivery.due_at')
    .limit(o.limit)
    .execute()
}

export async function findDelivery(db: Queries, id: string): Promise<WebhookDeliveryRow | undefined> {
  return db.selectFrom('webhook_deliveries').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Newest event first. @param o.after see `deliveryCursor` @throws AppError INVALID_REQUEST when it is none */
export async function listDeliveries(
  db: Queries,
  webhookId: string,
  o: {
    readonly status?: DeliveryStatus | undefined
    readonly event?: string | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<WebhookDeliveryRow[]> {
  let query = db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .orderBy('event_seq', 'desc')
    .orderBy('id', 'desc')
    .limit(o.limit)
  if (o.status !== undefined) query = query.where('status', '=', o.status)
  if (o.event !== undefined) query = query.where('event_id', '=', o.event)
  if (o.after !== undefined) {
    const [key, id] = parseCursor(o.after)
    const seq = Number(key)
    query = query
      .where('event_seq', '<=', seq)
      .where((eb) => eb.or([eb('event_seq', '<', seq), eb.and([eb('event_seq', '=', seq), eb('id', '<', id)])]))
  }
  return query.execute()
}

export async function listAttempts(
  db: Queries,
  deliveryIds: readonly string[],
): Promise<Map<string, WebhookAttemptRow[]>> {
  const rows = await allOfChunks(deliveryIds, (chunk) =>
    db
      .selectFrom('webhook_attempts')
      .selectAll()
      .where('delivery_id', 'in', chunk)
      .orderBy('delivery_id')
      .orderBy('number')
      .execute(),
  )
  return Map.groupBy(rows, (row) => row.delivery_id)
}

/** Those of an event. */
export async function listDeliveriesOf(
  db: Queries,
  webhookId: string,
  eventSeq: number,
): Promise<WebhookDeliveryRow[]> {
  return db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .where('event_seq', '=', eventSeq)
    .orderBy('id')
    .execute()
}

/** Puts deliveries to be tried anew, now: their ids stay. What a receiver has said of one that did not succeed may be said again. */
export async function requeue(
  tx: Transaction,
  ids: readonly string[],
  o: { readonly now: string; readonly expiresAt: string },
): Promise<void> {
  const fresh = { status: 'pending', line: null, due_at: o.now, waits: 0, tries: 0, reason: null, error: null } as const
  for (const chunk of inChunks(ids)) {
    await tx
      .updateTable('webhook_deliveries')
      .set((eb) => ({ ...fresh, generation: eb('generation', '+', 1) }))
      .set({ finished_at: null, expires_at: o.expiresAt })
      .where('id', 'in', chunk)
      .execute()
    await tx
      .updateTable('webhook_deliveries')
      .set({ callback_state: null, callback_description: null, callback_context: null, callback_target_url: null })
      .set({ callback_at: null })
      .where('id', 'in', chunk)
      .where('callback_state', '!=', 'success')
      .execute()
  }
}

/**
 * Dead ones of a webhook whose event is of `since` or later, oldest first. Left out are those that a later move stands for, and those that
 * nothing has let through: of a webhook that runs after another, what was never sent and has no word of success before it.
 */
export async function listDead(
  db: Queries,
  webhook: Pick<WebhookRow, 'id' | 'after_id'>,
  o: { readonly since: string; readonly limit: number },
): Promise<string[]> {
  let query = db
    .selectFrom('webhook_deliveries as delivery')
    .select('delivery.id')
    .where('delivery.webhook_id', '=', webhook.id)
    .where('delivery.status', 'in', ['dead', 'failed'])
    .where('delivery.event_at', '>=', o.since)
    .where((eb) =>
      eb.or([eb('delivery.reason', 'is', null), eb('delivery.reason', 'not in', ['superseded', 'not-started'])]),
    )
    .orderBy('delivery.event_seq')
    .limit(o.limit)
  const { after_id: leader } = webhook
  if (leader !== null) {
    query = query.where((eb) => {
      const before = eb
        .selectFrom('webhook_deliveries as before')
        .select('before.id')
        .where('before.webhook_id', '=', leader)
        .whereRef('before.event_seq', '=', 'delivery.event_seq')
        .where((both) =>
          both.or([
            both('before.tag', '=', both.ref('delivery.tag')),
            both.and([both('before.tag', 'is', null), both('delivery.tag', 'is', null)]),
          ]),
        )
        .where('before.callback_state', '=', 'success')
      return eb.or([eb('delivery.attempts', '>', 0), eb.exists(before)])
    })
  }
  return (await query.execute()).map(({ id }) => id)
}
