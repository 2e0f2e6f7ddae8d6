/** What the receiver of a webhook has said of tags, for replications that wait for it. */
import type { Queries } from '../engine/engine.ts'
import type { CallbackState, DeliveryStatus } from '../schema.ts'

/** The webhook that a repository means by a name: its own, then its organization's. */
export async function findAfterWebhook(
  db: Queries,
  of: { readonly repositoryId: string; readonly organizationId: string },
  name: string,
): Promise<string | undefined> {
  const rows = await db
    .selectFrom('webhooks')
    .select(['id', 'repository_id'])
    .where('name', '=', name)
    .where('organization_id', '=', of.organizationId)
    .where((eb) => eb.or([eb('repository_id', 'is', null), eb('repository_id', '=', of.repositoryId)]))
    .execute()
  return (rows.find((row) => row.repository_id !== null) ?? rows[0])?.id
}

export interface Told {
  readonly status: DeliveryStatus
  readonly error: string | null
  readonly state: CallbackState | null
  readonly words: string | null
  readonly at: string | null
}

/** What was said of the newest delivery that tells of the tag at this digest; undefined: there was none. */
export async function findTold(
  db: Queries,
  of: { readonly webhookId: string; readonly repositoryId: string; readonly tag: string; readonly digest: string },
): Promise<Told | undefined> {
  const rows = await db
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('events as event', 'event.seq', 'delivery.event_seq')
    .select(['delivery.status', 'delivery.error', 'delivery.callback_state as state', 'event.payload'])
    .select(['delivery.callback_description as words', 'delivery.callback_at as at'])
    .where('delivery.webhook_id', '=', of.webhookId)
    .where('delivery.repository_id', '=', of.repositoryId)
    .where('delivery.tag', '=', of.tag)
    .orderBy('delivery.event_seq', 'desc')
    .limit(NEWEST)
    .execute()
  const found = rows.filter(({ payload }) => (JSON.parse(payload) as { to?: unknown }).to === of.digest)
  const row = found.find(({ state }) => state !== null) ?? found[0]
  return row && { status: row.status, error: row.error, state: row.state, words: row.words, at: row.at }
}

/** Of one tag: it may have been elsewhere and back. */
const NEWEST = 20
