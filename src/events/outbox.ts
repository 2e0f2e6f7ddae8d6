/** From the log to the outbox: what events mean for webhooks, and how far the log has been read, in one transaction. */
import { createHash } from 'node:crypto'
import { listParents } from '../db/content/manifests.ts'
import { findNewestTag, listTagsOf } from '../db/content/tags.ts'
import type { Database, Queries } from '../db/engine/engine.ts'
import { findCursor, moveCursor } from '../db/platform/event-cursors.ts'
import { listEvents } from '../db/platform/events.ts'
import { findRepositoryById } from '../db/repositories/repositories.ts'
import type { WebhookDeliveryRow, WebhookRow } from '../db/schema.ts'
import { insertDeliveries } from '../db/webhooks/deliveries.ts'
import { dropPush, PUSH, supersede } from '../db/webhooks/supersede.ts'
import { listEnabledWebhooks, listWebhooksById } from '../db/webhooks/webhooks.ts'
import { assertFence, type Fence } from '../jobs/fence.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import { type LoggedEvent, type PlannedDelivery, planDeliveries, tagFilterOf, toldOf } from './match.ts'
import { SUMMARY } from './payload/event.ts'
import { DELIVERY_LIFE_MS, WAITING_LIFE_MS } from './schedule.ts'

export const CONSUMER = 'webhooks'
/** Events of one transaction: others write in between. */
const BATCH = 500
/** Tags that one event is told of at most, where it is of digests. */
const MAX_TAGS = 100
/** Places in line that one event has. */
const PLACES = 128

export interface FannedOut {
  /** Fewer than there may be at once: the end of the log was reached. */
  readonly isEnd: boolean
  /** Webhooks that have something in line now. */
  readonly webhookIds: readonly string[]
  /** Deliveries that were put in line before, and are over. */
  readonly superseded: readonly string[]
}

export interface OutboxDeps {
  readonly db: Database
  readonly clock: Clock
  readonly fence: Fence
  isUnderWay(deliveryId: string): boolean
}

/** Reads the log on from where it was read to. @throws AppError CONFLICT when another server reads it now */
export async function fanOut({ db, clock, fence, isUnderWay }: OutboxDeps): Promise<FannedOut> {
  const from = await findCursor(db.read, CONSUMER)
  const events = await listEvents(db.read, from, BATCH)
  const last = events.at(-1)
  if (last === undefined) return { isEnd: true, webhookIds: [], superseded: [] }
  const planned = await plan(db.read, events)
  const at = clock.now()
  // Lost with the power, the cursor is where it was, and the same deliveries come of the same events.
  return db.stage(async (tx) => {
    await assertFence(tx, fence)
    const isMine = await moveCursor(tx, CONSUMER, { from, to: last.seq })
    if (!isMine) return { isEnd: false, webhookIds: [], superseded: [] }
    const ids = [...new Set(planned.map(({ webhook }) => webhook.id))]
    const present = new Set((await listWebhooksById(tx, ids)).map(({ id }) => id))
    const taken = planned.filter(({ webhook }) => present.has(webhook.id)).map((one) => ({ one, row: rowOf(one, at) }))
    await insertDeliveries(
      tx,
      taken.map(({ row }) => row),
    )
    const superseded: string[] = []
    const o = { at: isoTime(at), isUnderWay }
    const going = taken.filter(({ one }) => one.start === 'line' && one.webhook.coalesce_moves === 1)
    for (const row of latestMoves(going)) superseded.push(...(await supersede(tx, row, o)))
    for (const { row } of going) superseded.push(...(await dropPush(tx, row, o)))
    return { isEnd: events.length < BATCH, webhookIds: ids, superseded }
  })
}

/** What a single event means for all webhooks that are enabled now. */
export async function plan(db: Queries, events: readonly LoggedEvent[]): Promise<PlannedDelivery[]> {
  const webhooks = await listEnabledWebhooks(db, [...new Set(events.map((event) => event.organization_id))])
  if (webhooks.length === 0) return []
  const leaders = webhooks.flatMap((webhook) => webhook.after_id ?? [])
  const names = new Map((await listWebhooksById(db, leaders)).map(({ id, name }) => [id, name]))
  const tags = new Map<string, readonly string[]>()
  const newest = new Map<string, string | undefined>()
  const keyOf = (event: LoggedEvent, webhook: WebhookRow) => `${event.id} ${webhook.tags}`
  const repositories = new Map<string, string | undefined>()
  for (const event of events) {
    const { repository_id: repositoryId } = event
    if (repositoryId !== null && toldOf(event).repository === undefined && !repositories.has(repositoryId)) {
      repositories.set(repositoryId, (await findRepositoryById(db, repositoryId))?.name)
    }
    if (event.kind.startsWith('referrers.')) tags.set(event.id, await tagsOf(db, event))
    if (event.kind !== SUMMARY) continue
    for (const webhook of webhooks) {
      if (webhook.organization_id !== event.organization_id || newest.has(keyOf(event, webhook))) continue
      if (webhook.repository_id !== null && webhook.repository_id !== event.repository_id) continue
      newest.set(keyOf(event, webhook), await newestTag(db, event, webhook))
    }
  }
  return planDeliveries(events, {
    webhooks,
    nameOf: (id) => names.get(id),
    repositoryOf: ({ repository_id: id }) => (id === null ? undefined : repositories.get(id)),
    tagsOf: (event) => tags.get(event.id) ?? [],
    newestOf: (event, webhook) => newest.get(keyOf(event, webhook)),
  })
}

/** The tag that stands for a mirror's first pass, for one webhook. */
export async function newestTag(db: Queries, event: LoggedEvent, webhook: WebhookRow): Promise<string | undefined> {
  if (event.repository_id === null) return undefined
  return (await findNewestTag(db, event.repository_id, tagFilterOf(webhook)))?.name
}

/** Tags that stand for what an event of attestations is about, or for an index that holds it. */
async function tagsOf(db: Queries, event: LoggedEvent): Promise<string[]> {
  const { repository_id: repositoryId } = event
  const { subject, roots = [] } = toldOf(event)
  if (repositoryId === null) return []
  const found = new Set<string>()
  for (const digest of new Set([...(subject === undefined ? [] : [subject]), ...roots].slice(0, MAX_TAGS))) {
    const around = [digest as Digest, ...(await listParents(db, repositoryId, digest as Digest))]
    for (const one of around) for (const tag of await listTagsOf(db, repositoryId, one as Digest)) found.add(tag)
    if (found.size >= MAX_TAGS) break
  }
  return [...found].sort().slice(0, MAX_TAGS)
}

export function rowOf({ webhook, event, tag, index, start, why }: PlannedDelivery, at: Date): WebhookDeliveryRow {
  const life = start === 'waits' ? WAITING_LIFE_MS : DELIVERY_LIFE_MS
  return {
    // Which tag stands for a whole mirror may be another one when this is done again.
    id: idOf(webhook.id, event.id, event.kind === SUMMARY ? null : tag),
    webhook_id: webhook.id,
    event_seq: event.seq,
    event_id: event.id,
    kind: event.kind,
    event_at: event.at,
    repository_id: event.repository_id,
    tag,
    from_digest: null,
    line: start === 'line' ? event.seq * PLACES + index : null,
    due_at: null,
    waits: start === 'waits' ? 1 : 0,
    status: start === 'dead' ? 'dead' : 'pending',
    reason: start === 'dead' ? 'not-started' : null,
    error: why,
    attempts: 0,
    tries: 0,
    created_at: isoTime(at),
    expires_at: isoTime(new Date(at.getTime() + life)),
    finished_at: start === 'dead' ? isoTime(at) : null,
    callback_state: null,
    callback_description: null,
    callback_context: null,
    callback_target_url: null,
    callback_at: null,
    generation: 0,
  }
}

/** Follows from what it is of, so that whatever is done twice has the same id: a UUID of the version for such (RFC 9562 section 5.8). */
function idOf(webhookId: string, eventId: string, tag: string | null): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([webhookId, eventId, tag]))
    .digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

interface Taken {
  readonly one: PlannedDelivery
  readonly row: WebhookDeliveryRow
}

/** The last move of each tag, of each webhook. */
function latestMoves(going: readonly Taken[]): Iterable<WebhookDeliveryRow> {
  const last = new Map<string, WebhookDeliveryRow>()
  for (const { row } of going) {
    const { webhook_id: id, repository_id: repositoryId, tag, kind } = row
    if (tag === null || !kind.startsWith('tag.') || kind === PUSH) continue
    last.set(`${id} ${repositoryId} ${tag}`, row)
  }
  return last.values()
}
