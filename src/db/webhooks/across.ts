/** Webhooks of many repositories and organizations at once, for somebody's eyes, and how they are. */
import { allOfChunks, byBytes, pageOfChunks } from '../engine/chunks.ts'
import { parseCursor } from '../engine/cursor.ts'
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { WebhookDeliveryRow, WebhookRow } from '../schema.ts'

export interface PlacedWebhook extends WebhookRow {
  readonly organization: string
  /** Null: of the organization. */
  readonly repository: string | null
}

/**
 * Those of repositories that the viewer sees, and of these organizations as a whole where the list says so; by name.
 * @param o.wholes the organizations whose own webhooks are among them
 * @param o.after see `formatCursor`: name and id @throws AppError INVALID_REQUEST when it is none
 */
export async function listWebhooksAcross(
  db: Queries,
  o: {
    readonly organizationIds: readonly string[]
    readonly wholes: ReadonlySet<string>
    readonly viewer: Viewer
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<PlacedWebhook[]> {
  let query = db
    .selectFrom('webhooks as webhook')
    .innerJoin('organizations as organization', 'organization.id', 'webhook.organization_id')
    .leftJoin('repositories as place', 'place.id', 'webhook.repository_id')
    .selectAll('webhook')
    .select(['organization.name as organization', 'place.name as repository'])
    .orderBy('webhook.name')
    .orderBy('webhook.id')
    .limit(o.limit)
  if (o.after !== undefined) {
    const [name, id] = parseCursor(o.after)
    query = query.where((eb) =>
      eb.or([eb('webhook.name', '>', name), eb.and([eb('webhook.name', '=', name), eb('webhook.id', '>', id)])]),
    )
  }
  const ofVisible = query.where((eb) =>
    eb.exists(
      db
        .selectFrom('repositories as repository')
        .select('repository.id')
        .where('repository.id', '=', eb.ref('webhook.repository_id'))
        .where(isVisibleTo(o.viewer)),
    ),
  )
  const ofRepositories = await pageOfChunks(
    o.organizationIds,
    (chunk) => ofVisible.where('webhook.organization_id', 'in', chunk).execute(),
    { limit: o.limit, ...ORDER },
  )
  const ofOrganizations = await pageOfChunks(
    o.organizationIds.filter((id) => o.wholes.has(id)),
    (chunk) => query.where('webhook.organization_id', 'in', chunk).where('webhook.repository_id', 'is', null).execute(),
    { limit: o.limit, ...ORDER },
  )
  return [...ofRepositories, ...ofOrganizations].sort(ORDER.compare).slice(0, o.limit)
}

const ORDER = {
  keyOf: ({ id }: PlacedWebhook) => id,
  compare: (a: PlacedWebhook, b: PlacedWebhook) => byBytes(a.name, b.name) || byBytes(a.id, b.id),
}

export interface WebhookHealth {
  /** What is still to be delivered, up to `MAX_COUNTED`. */
  readonly open: number
  readonly last: Pick<WebhookDeliveryRow, 'id' | 'status' | 'kind' | 'tag' | 'error' | 'finished_at'> | undefined
}

/** Further it is not counted: more is much. */
export const MAX_COUNTED = 1000

/** What is on its way to each, and what the last one that has ended came to: two looks at an index each. */
export async function readHealth(db: Queries, webhookIds: readonly string[]): Promise<Map<string, WebhookHealth>> {
  const rows = await allOfChunks(webhookIds, (chunk) =>
    db
      .selectFrom('webhooks as webhook')
      .select((eb) => [
        'webhook.id',
        eb
          .selectFrom(
            eb
              .selectFrom('webhook_deliveries as open')
              .select('open.id')
              .whereRef('open.webhook_id', '=', 'webhook.id')
              .where('open.finished_at', 'is', null)
              .limit(MAX_COUNTED)
              .as('counted'),
          )
          .select((one) => one.fn.countAll<number>().as('number'))
          .as('open'),
        eb
          .selectFrom('webhook_deliveries as ended')
          .select('ended.id')
          .whereRef('ended.webhook_id', '=', 'webhook.id')
          .where('ended.finished_at', 'is not', null)
          .orderBy('ended.finished_at', 'desc')
          .limit(1)
          .as('last'),
      ])
      .where('webhook.id', 'in', chunk)
      .execute(),
  )
  const last = await allOfChunks(
    rows.flatMap((row) => row.last ?? []),
    (chunk) =>
      db
        .selectFrom('webhook_deliveries')
        .select(['id', 'status', 'kind', 'tag', 'error', 'finished_at'])
        .where('id', 'in', chunk)
        .execute(),
  )
  const byId = new Map(last.map((row) => [row.id, row]))
  return new Map(
    rows.map((row) => [row.id, { open: Number(row.open), last: row.last === null ? undefined : byId.get(row.last) }]),
  )
}
