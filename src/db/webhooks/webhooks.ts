/** Webhooks, of a repository or of an organization. */
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { WebhookRow } from '../schema.ts'

export async function findWebhook(db: Queries, ownerId: string, name: string): Promise<WebhookRow | undefined> {
  return db
    .selectFrom('webhooks')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** By name. */
export async function listWebhooks(
  db: Queries,
  ownerId: string,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<WebhookRow[]> {
  let query = db.selectFrom('webhooks').selectAll().where('owner_id', '=', ownerId).orderBy('name').limit(o.limit)
  if (o.after !== undefined) query = query.where('name', '>', o.after)
  return query.execute()
}

export async function countWebhooks(db: Queries, ownerId: string): Promise<number> {
  const row = await db
    .selectFrom('webhooks')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Those that may get events of these organizations. */
export async function listEnabledWebhooks(db: Queries, organizationIds: readonly string[]): Promise<WebhookRow[]> {
  return allOfChunks(organizationIds, (chunk) =>
    db
      .selectFrom('webhooks')
      .selectAll()
      .where('organization_id', 'in', chunk)
      .where('enabled', '=', 1)
      .orderBy('id')
      .execute(),
  )
}

export async function listWebhooksById(db: Queries, ids: readonly string[]): Promise<WebhookRow[]> {
  return allOfChunks(ids, (chunk) => db.selectFrom('webhooks').selectAll().where('id', 'in', chunk).execute())
}

/** Those that run after one of these. */
export async function listFollowers(db: Queries, ids: readonly string[]): Promise<WebhookRow[]> {
  return allOfChunks(ids, (chunk) =>
    db.selectFrom('webhooks').selectAll().where('after_id', 'in', chunk).orderBy('name').execute(),
  )
}

/** Enabled ones that have something in line, or due at `now`. */
export async function listWebhooksWithWork(db: Queries, now: string): Promise<string[]> {
  const rows = await db
    .selectFrom('webhooks as webhook')
    .select('webhook.id')
    .where('webhook.enabled', '=', 1)
    .where((eb) =>
      eb.or([
        eb.exists(
          eb
            .selectFrom('webhook_deliveries as waiting')
            .select('waiting.id')
            .whereRef('waiting.webhook_id', '=', 'webhook.id')
            .where('waiting.line', 'is not', null),
        ),
        eb.exists(
          eb
            .selectFrom('webhook_deliveries as due')
            .select('due.id')
            .whereRef('due.webhook_id', '=', 'webhook.id')
            .where('due.due_at', '<=', now),
        ),
      ]),
    )
    .execute()
  return rows.map((row) => row.id)
}

export async function insertWebhook(tx: Transaction, row: WebhookRow): Promise<void> {
  await tx.insertInto('webhooks').values(row).execute()
}

export async function updateWebhook(
  tx: Transaction,
  id: string,
  change: Partial<Omit<WebhookRow, 'id' | 'owner_id' | 'organization_id' | 'repository_id'>>,
): Promise<void> {
  await tx.updateTable('webhooks').set(change).where('id', '=', id).execute()
}

/** It is gone at once; what was to be delivered to it is removed bit by bit (`keeping.ts`). */
export async function deleteWebhook(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('webhooks').where('id', '=', id).execute()
}

/** Where the log ends. */
export async function lastEventSeq(db: Queries): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .executeTakeFirst()
  return Number(row?.seq ?? 0)
}
