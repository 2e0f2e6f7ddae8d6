/** Events that are delivered to one webhook because somebody asks for it. */
import type { Selectable } from 'kysely'
import { findNewestTag } from '../db/content/tags.ts'
import type { Transaction } from '../db/engine/engine.ts'
import { appendEvents } from '../db/platform/events.ts'
import type { EventRow, WebhookDeliveryRow, WebhookRow } from '../db/schema.ts'
import { insertDeliveries, listDeliveriesOf } from '../db/webhooks/deliveries.ts'
import { isoTime } from '../lib/clock.ts'
import { compileGlobs } from '../oci/repository-globs.ts'
import { tagFilterOf, toldOf } from './match.ts'
import { newestTag, rowOf } from './outbox.ts'
import { SUMMARY } from './payload/event.ts'

export type Pick = Selectable<EventRow>

interface Scope {
  readonly organization: { readonly id: string; readonly name: string }
  readonly repository: { readonly id: string; readonly name: string } | undefined
}

/** An event for a try-out: of a tag that is really there, so that a receiver does what it would do. */
export async function testEvent(
  tx: Transaction,
  scope: Scope,
  webhook: WebhookRow,
  { by, at }: { readonly by: string; readonly at: Date },
): Promise<WebhookDeliveryRow> {
  const repository = scope.repository ?? (await someRepository(tx, scope.organization, webhook))
  const isTag = tagFilterOf(webhook)
  const last = repository === undefined ? undefined : await findNewestTag(tx, repository.id, isTag)
  // A tag that the webhook leaves out would be deployed by a receiver that does what it would do.
  const tag = last?.name ?? (isTag('test') ? 'test' : undefined)
  const payload = {
    repository: repository?.name ?? `${scope.organization.name}/example`,
    ...(tag === undefined ? {} : { tag }),
    from: null,
    to: last?.digest ?? null,
    webhook: webhook.name,
  }
  const [organizationId, repositoryId] = [scope.organization.id, repository?.id ?? null]
  await appendEvents(tx, [{ kind: 'webhook.test', organizationId, repositoryId, actor: by, at: isoTime(at), payload }])
  // Ours is the last: the log is locked until the commit.
  const event = await tx.selectFrom('events').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirstOrThrow()
  return insertNow(tx, webhook, event, tag ?? null, at)
}

async function someRepository(tx: Transaction, organization: Scope['organization'], webhook: WebhookRow) {
  const takes = compileGlobs(JSON.parse(webhook.repositories) as string[])
  const latest = await tx
    .selectFrom('repositories')
    .select(['id', 'name'])
    .where('organization_id', '=', organization.id)
    .orderBy('updated_at', 'desc')
    .limit(1000)
    .execute()
  return latest.find(({ name }) => takes(name.slice(name.indexOf('/') + 1)))
}

/** Sees to it that the webhook has a delivery of the event, whatever it takes. @returns undefined: there is no such event in its scope */
export async function deliverEvent(
  tx: Transaction,
  scope: Scope,
  webhook: WebhookRow,
  eventId: string,
  at: Date,
): Promise<Pick | undefined> {
  const event = await tx.selectFrom('events').selectAll().where('id', '=', eventId).executeTakeFirst()
  if (event === undefined || event.organization_id !== scope.organization.id) return undefined
  if (scope.repository !== undefined && event.repository_id !== scope.repository.id) return undefined
  const known = await listDeliveriesOf(tx, webhook.id, event.seq)
  if (known.length > 0) return event
  const tag = event.kind === SUMMARY ? await newestTag(tx, event, webhook) : toldOf(event).tag
  await insertNow(tx, webhook, event, tag ?? null, at)
  return event
}

async function insertNow(
  tx: Transaction,
  webhook: WebhookRow,
  event: Pick,
  tag: string | null,
  at: Date,
): Promise<WebhookDeliveryRow> {
  const row = rowOf({ webhook, event, tag, index: 0, start: 'line', why: null }, at)
  const due = { ...row, line: null, due_at: isoTime(at) }
  await insertDeliveries(tx, [due])
  return due
}
