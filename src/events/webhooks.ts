/** What people do with webhooks: made, changed, deleted, tried out; deliveries looked at and sent again. */
import type {
  PlacedWebhook,
  Redeliver,
  Webhook,
  WebhookChange,
  WebhookCreate,
  WebhookDelivery,
} from '../api/webhooks.ts'
import { formatCursor } from '../db/engine/cursor.ts'
import { type Database, isUniqueViolation, type Queries, type Transaction } from '../db/engine/engine.ts'
import { recordAudit } from '../db/platform/audit.ts'
import type { OrganizationRow, RepositoryRow, WebhookDeliveryRow, WebhookRow } from '../db/schema.ts'
import { listWebhooksAcross, readHealth } from '../db/webhooks/across.ts'
import {
  findDelivery,
  listAttempts,
  listDead,
  listDeliveries,
  listDeliveriesOf,
  requeue,
} from '../db/webhooks/deliveries.ts'
import { endWaiting } from '../db/webhooks/followers.ts'
import {
  countWebhooks,
  deleteWebhook,
  findWebhook,
  insertWebhook,
  lastEventSeq,
  listFollowers,
  listWebhooks,
  listWebhooksById,
  updateWebhook,
} from '../db/webhooks/webhooks.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Sealer } from '../lib/seal.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { cutPage, type Page, readPage } from '../lib/weighed-page.ts'
import { deliverEvent, type Pick as Picked, testEvent } from './deliver-now.ts'
import { DELIVERY_LIFE_MS, OLD_SECRET_MS } from './schedule.ts'
import { makeSecret, purposeOf } from './signing.ts'
import { viewDelivery, viewPlacedWebhook, viewWebhook } from './views.ts'

/** Whose webhooks: of a repository, or of the whole organization. */
export interface WebhookScope {
  readonly organization: Pick<OrganizationRow, 'id' | 'name'>
  readonly repository: Pick<RepositoryRow, 'id' | 'name'> | undefined
}

export interface Webhooks {
  create(scope: WebhookScope, o: WebhookCreate & { readonly by: string }): Promise<{ webhook: Webhook; secret: Secret }>
  list(scope: WebhookScope, o: { readonly limit: number; readonly after?: string | undefined }): Promise<Page<Webhook>>
  /** Of many repositories and organizations, with how they are. @param o see `listWebhooksAcross` */
  listAcross(o: Parameters<typeof listWebhooksAcross>[1]): Promise<Page<PlacedWebhook>>
  show(scope: WebhookScope, name: string): Promise<Webhook>
  change(scope: WebhookScope, name: string, o: WebhookChange): Promise<{ webhook: Webhook; secret: Secret | undefined }>
  remove(scope: WebhookScope, name: string): Promise<void>
  /** Sends an event of kind `webhook.test` to it alone. */
  test(scope: WebhookScope, name: string, by: string): Promise<WebhookDelivery>
  deliveries(scope: WebhookScope, name: string, o: DeliveryQuery): Promise<Page<WebhookDelivery>>
  delivery(scope: WebhookScope, name: string, id: string): Promise<WebhookDelivery>
  /** @returns the ids; `more` when there are too many for once */
  redeliver(scope: WebhookScope, name: string, o: Redeliver): Promise<{ deliveries: string[]; more: boolean }>
}

export interface DeliveryQuery {
  readonly limit: number
  readonly after?: string | undefined
  readonly status?: WebhookDeliveryRow['status'] | undefined
  readonly event?: string | undefined
}

/** Webhooks of one repository, and of one organization. */
export const MAX_WEBHOOKS = 50
const MAX_REDELIVERED = 1000

export interface WebhooksDeps {
  readonly db: Database
  readonly clock: Clock
  readonly sealer: Sealer
  /** Something may have to be sent now. */
  wake(): void
}

export function createWebhooks({ db, clock, sealer, wake }: WebhooksDeps): Webhooks {
  const sealedHeaders = (id: string, headers: Readonly<Record<string, string>>) => ({
    header_names: JSON.stringify(Object.keys(headers)),
    sealed_headers:
      Object.keys(headers).length === 0
        ? null
        : sealer.seal(createSecret(JSON.stringify(headers)), purposeOf(id, 'headers')),
  })

  const view = async (scope: WebhookScope, row: WebhookRow) => {
    const [leader] = row.after_id === null ? [] : await listWebhooksById(db.read, [row.after_id])
    return viewWebhook(scope, row, leader?.name)
  }

  const viewed = async (rows: readonly WebhookDeliveryRow[]) => {
    const attempts = await listAttempts(
      db.read,
      rows.map(({ id }) => id),
    )
    return rows.map((row) => viewDelivery(row, attempts.get(row.id) ?? []))
  }

  const later = (ms: number) => isoTime(new Date(clock.now().getTime() + ms))

  return {
    async create(scope, o) {
      requireAddress(o)
      if (scope.repository !== undefined && o.repositories !== undefined) throw ofRepository()
      const id = newId()
      const secret = makeSecret()
      const at = isoTime(clock.now())
      const ownerId = ownerOf(scope)
      const row = await db
        .write(async (tx) => {
          if ((await findWebhook(tx, ownerId, o.name)) !== undefined) throw isThere(scope, o.name)
          if ((await countWebhooks(tx, ownerId)) >= MAX_WEBHOOKS) {
            throw new AppError(
              'CONFLICT',
              `${nameOf(scope)} has ${MAX_WEBHOOKS} webhooks, which is the most: delete one first`,
              { about: { reason: 'full', what: 'webhook', most: MAX_WEBHOOKS } },
            )
          }
          const made: WebhookRow = {
            id,
            organization_id: scope.organization.id,
            repository_id: scope.repository?.id ?? null,
            owner_id: ownerId,
            name: o.name,
            url: o.url,
            repositories: JSON.stringify(scope.repository === undefined ? (o.repositories ?? ['**']) : []),
            events: JSON.stringify(o.events),
            tags: JSON.stringify(o.tags),
            changed_only: o.changedOnly ? 1 : 0,
            ...sealedHeaders(id, o.headers),
            sealed_secret: sealer.seal(secret, purposeOf(id, 'secret')),
            sealed_old_secret: null,
            old_secret_until: null,
            format: o.format,
            after_id: o.after === null ? null : (await getLeader(tx, scope, o.after, id)).id,
            plain_http: o.plainHttp ? 1 : 0,
            coalesce_moves: o.coalesce ? 1 : 0,
            initial_sync: o.initialSync,
            enabled: o.enabled ? 1 : 0,
            disabled_reason: null,
            failing_since: null,
            from_seq: await lastEventSeq(tx),
            created_by: o.by,
            created_at: at,
            updated_at: at,
          }
          await insertWebhook(tx, made)
          return made
        })
        .catch((error) => {
          throw isUniqueViolation(error) ? isThere(scope, o.name) : error
        })
      return { webhook: await view(scope, row), secret }
    },

    async list(scope, { limit, after }) {
      const rows = await listWebhooks(db.read, ownerOf(scope), { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, (row) => row.name)
      return { items: await Promise.all(items.map((row) => view(scope, row))), next }
    },

    async listAcross(o) {
      const rows = await listWebhooksAcross(db.read, { ...o, limit: o.limit + 1 })
      const { items, next } = cutPage(rows, o.limit, ({ name, id }) => formatCursor([name, id]))
      const leaders = await listWebhooksById(
        db.read,
        items.flatMap((row) => row.after_id ?? []),
      )
      const nameOfLeader = new Map(leaders.map((row) => [row.id, row.name]))
      const health = await readHealth(
        db.read,
        items.map(({ id }) => id),
      )
      const placed = items.map((row) =>
        viewPlacedWebhook(row, nameOfLeader.get(row.after_id ?? ''), health.get(row.id)),
      )
      return { items: placed, next }
    },

    show: async (scope, name) => view(scope, await getWebhook(db.read, scope, name)),

    async change(scope, name, o) {
      if (scope.repository !== undefined && o.repositories !== undefined) throw ofRepository()
      const secret = o.rotateSecret === true ? makeSecret() : undefined
      const row = await db.write(async (tx) => {
        const row = await getWebhook(tx, scope, name)
        requireAddress({ url: o.url ?? row.url, plainHttp: o.plainHttp ?? row.plain_http === 1 })
        const after = o.after == null ? o.after : (await getLeader(tx, scope, o.after, row.id)).id
        if (after !== undefined && after !== row.after_id && row.after_id !== null) {
          const over = 'not started: the webhook waits for another one now, or for none; redeliver it if it is wanted'
          await endWaiting(tx, row.id, over, isoTime(clock.now()))
        }
        const changed = withoutUndefined({
          url: o.url,
          repositories: json(o.repositories),
          events: json(o.events),
          tags: json(o.tags),
          changed_only: flag(o.changedOnly),
          format: o.format,
          after_id: after,
          plain_http: flag(o.plainHttp),
          coalesce_moves: flag(o.coalesce),
          initial_sync: o.initialSync,
          enabled: flag(o.enabled),
          ...(o.headers === undefined ? {} : sealedHeaders(row.id, o.headers)),
          ...(o.enabled === undefined ? {} : { disabled_reason: null, failing_since: null }),
          // What came while it was disabled is not made up for, whenever the log is read.
          ...(o.enabled === true && row.enabled === 0 ? { from_seq: await lastEventSeq(tx) } : {}),
          ...(secret === undefined ? {} : rotated(row, sealer.seal(secret, purposeOf(row.id, 'secret')))),
          updated_at: isoTime(clock.now()),
        })
        await updateWebhook(tx, row.id, changed)
        return getWebhook(tx, scope, name)
      })
      wake()
      return { webhook: await view(scope, row), secret }
    },

    async remove(scope, name) {
      await db.write(async (tx) => {
        const { id } = await getWebhook(tx, scope, name)
        const [follower] = await listFollowers(tx, [id])
        if (follower !== undefined) {
          throw new AppError('CONFLICT', `webhook ${follower.name} runs after ${name}: change or delete that first`, {
            about: { reason: 'in-use', what: 'webhook', name },
          })
        }
        await deleteWebhook(tx, id)
      })
      wake()
    },

    async test(scope, name, by) {
      const at = clock.now()
      const row = await db.write(async (tx) => {
        const delivery = await testEvent(tx, scope, await getWebhook(tx, scope, name), { by, at })
        await recordAudit(tx, { ...begun(scope, 'test', name), before: null, after: { delivery: delivery.id } })
        return delivery
      })
      wake()
      return viewDelivery(row, [])
    },

    async deliveries(scope, name, { limit, ...o }) {
      const { id } = await getWebhook(db.read, scope, name)
      const read = async (after: string | undefined, count: number) =>
        viewed(await listDeliveries(db.read, id, { ...o, after, limit: count }))
      return readPage({ limit, after: o.after, keyOf: cursorOf, read })
    },

    async delivery(scope, name, id) {
      const webhook = await getWebhook(db.read, scope, name)
      const [view] = await viewed([await getDelivery(db.read, webhook, id)])
      if (view === undefined) throw noDelivery(webhook, id)
      return view
    },

    async redeliver(scope, name, o) {
      const done = await db.write(async (tx) => {
        const webhook = await getWebhook(tx, scope, name)
        const { ids, more } = await pick(tx, scope, webhook, o, clock.now())
        await requeue(tx, ids, { now: isoTime(clock.now()), expiresAt: later(DELIVERY_LIFE_MS) })
        const after = { ...o, deliveries: ids.length, more }
        await recordAudit(tx, { ...begun(scope, 'redeliver', name), before: null, after })
        return { deliveries: ids, more }
      })
      wake()
      return done
    },
  }

  function rotated(row: WebhookRow, sealed: string) {
    return { sealed_secret: sealed, sealed_old_secret: row.sealed_secret, old_secret_until: later(OLD_SECRET_MS) }
  }
}

async function pick(
  tx: Transaction,
  scope: WebhookScope,
  webhook: WebhookRow,
  o: Redeliver,
  now: Date,
): Promise<{ ids: string[]; more: boolean }> {
  if (o.delivery !== undefined) return { ids: [(await getDelivery(tx, webhook, o.delivery)).id], more: false }
  if (o.failedSince !== undefined) {
    const since = new Date(o.failedSince).toISOString()
    const ids = await listDead(tx, webhook, { since, limit: MAX_REDELIVERED + 1 })
    return { ids: ids.slice(0, MAX_REDELIVERED), more: ids.length > MAX_REDELIVERED }
  }
  const event: Picked | undefined = await deliverEvent(tx, scope, webhook, o.event ?? '', now)
  if (event === undefined)
    throw new AppError('NOT_FOUND', `${nameOf(scope)} has no event ${o.event}`, {
      about: { reason: 'absent', what: 'event' },
    })
  const known = await listDeliveriesOf(tx, webhook.id, event.seq)
  return { ids: known.map(({ id }) => id), more: false }
}

/** What is begun without a change to the webhook itself. */
function begun(scope: WebhookScope, verb: string, name: string) {
  return {
    organizationId: scope.organization.id,
    action: `webhook.${verb}`,
    object: `webhook:${nameOf(scope)}/${name}`,
  }
}

function cursorOf({ seq, id }: WebhookDelivery): string {
  return formatCursor([String(seq), id])
}

function ownerOf({ organization, repository }: WebhookScope): string {
  return repository?.id ?? organization.id
}

function nameOf({ organization, repository }: WebhookScope): string {
  return repository?.name ?? organization.name
}

/** @throws AppError NOT_FOUND */
async function getWebhook(db: Queries, scope: WebhookScope, name: string): Promise<WebhookRow> {
  const row = await findWebhook(db, ownerOf(scope), name)
  if (row !== undefined) return row
  throw new AppError('NOT_FOUND', `${nameOf(scope)} has no webhook ${name}`, {
    about: { reason: 'absent', what: 'webhook', name },
  })
}

async function getDelivery(db: Queries, webhook: WebhookRow, id: string): Promise<WebhookDeliveryRow> {
  const row = await findDelivery(db, id)
  if (row === undefined || row.webhook_id !== webhook.id) throw noDelivery(webhook, id)
  return row
}

function noDelivery(webhook: WebhookRow, id: string): AppError {
  return new AppError('NOT_FOUND', `webhook ${webhook.name} has no delivery ${id}`, {
    about: { reason: 'absent', what: 'delivery' },
  })
}

/** The webhook that another is to run after. @throws AppError INVALID_REQUEST: there is none, or they would wait for each other */
async function getLeader(tx: Transaction, scope: WebhookScope, name: string, followerId: string): Promise<WebhookRow> {
  const leader = await findWebhook(tx, ownerOf(scope), name)
  if (leader === undefined)
    throw new AppError('INVALID_REQUEST', `after: ${nameOf(scope)} has no webhook ${name}`, {
      about: { reason: 'absent', what: 'webhook', name, where: 'after' },
    })
  let one: WebhookRow | undefined = leader
  while (one !== undefined) {
    if (one.id === followerId)
      throw new AppError('INVALID_REQUEST', `after: ${name} waits for this webhook itself`, {
        about: { reason: 'invalid', where: 'after' },
      })
    const next: string | null = one.after_id
    one = next === null ? undefined : (await listWebhooksById(tx, [next]))[0]
  }
  return leader
}

function requireAddress({ url, plainHttp }: { readonly url: string; readonly plainHttp: boolean }): void {
  if (new URL(url).protocol === 'https:' || plainHttp) return
  throw new AppError('INVALID_REQUEST', 'url: got plain http, want https, or --plain-http (plainHttp)', {
    about: { reason: 'plain-http', where: 'url' },
  })
}

function ofRepository(): AppError {
  return new AppError(
    'INVALID_REQUEST',
    'repositories: the webhook is of one repository; name its organization for several',
    { about: { reason: 'invalid', where: 'repositories' } },
  )
}

function isThere(scope: WebhookScope, name: string): AppError {
  return new AppError('CONFLICT', `${nameOf(scope)} has a webhook ${name} already`, {
    about: { reason: 'taken', what: 'webhook', name },
  })
}

function flag(value: boolean | undefined): 0 | 1 | undefined {
  return value === undefined ? undefined : value ? 1 : 0
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function withoutUndefined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}
