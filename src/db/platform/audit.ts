/** The audit log: who did what, in the transaction of the change; and who was refused what (`audit-refusals.ts`). */
import type { Selectable } from 'kysely'
import type { AuditEntry } from '../../api/audit.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime, systemClock } from '../../lib/clock.ts'
import { printableLine } from '../../lib/printable.ts'
import { currentRequest } from '../../lib/request-context.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { AuditEntryRow } from '../schema.ts'

/** What is there, for people, without secrets; null: nothing. */
export type AuditState = Readonly<Record<string, unknown>> | null

export interface AuditChange {
  /** Whose log tells it; null: the instance's. */
  readonly organizationId: string | null
  /** `<noun>.<verb>`. */
  readonly action: string
  /** As people name it: `acme/dhi-python`, `acme/dhi-python:3.13`, `user:ada`. */
  readonly object: string
  readonly before: AuditState
  readonly after: AuditState
}

const MAX_OBJECT = 512
const MAX_STATE_CHARACTERS = 4000
const MAX_TEXT = 300
const MAX_ITEMS = 50

/**
 * One entry, in the transaction of the change that it tells of: neither is there without the other. Who did it is told by the request under
 * way; outside of one it was the system.
 * @throws AppError TOOMANYREQUESTS for whoever fills the instance's log with their own affairs
 * @param o.token its label, where the change itself may have ended the token; undefined: it is looked up
 */
export async function recordAudit(
  tx: Transaction,
  change: AuditChange,
  o: { readonly token?: string | null; readonly clock?: Clock } = {},
): Promise<void> {
  const request = currentRequest()
  const now = (o.clock ?? systemClock).now()
  if (change.organizationId === null && request !== undefined) await keepWithinRate(tx, request.actor, now)
  const row = {
    organization_id: change.organizationId,
    at: isoTime(now),
    actor: request?.actor ?? 'system',
    token: o.token === undefined ? await findTokenLabel(tx, request?.tokenId) : o.token,
    action: change.action,
    object: objectText(change.object),
    outcome: 'done' as const,
    before_state: stateText(change.before),
    after_state: stateText(change.after),
    address: request?.address ?? null,
    request_id: request?.requestId ?? null,
    coalesced: null,
  }
  await tx.insertInto('audit_entries').values(row).execute()
}

/** What people who are no operators may change of their own within an hour: the log of the instance is everybody's. */
const MAX_OWN_AN_HOUR = 500
const HOUR_MS = 60 * 60 * 1000

async function keepWithinRate(tx: Transaction, actor: string, now: Date): Promise<void> {
  const reached = await tx
    .selectFrom('audit_entries')
    .select('at')
    .where('organization_id', 'is', null)
    .where('actor', '=', actor)
    .orderBy('seq', 'desc')
    .offset(MAX_OWN_AN_HOUR - 1)
    .limit(1)
    .executeTakeFirst()
  if (reached === undefined || reached.at <= isoTime(new Date(now.getTime() - HOUR_MS))) return
  const user = await tx
    .selectFrom('users')
    .select('is_operator')
    .where('username', '=', actor.replace(/^user:/, ''))
    .executeTakeFirst()
  if (user?.is_operator === 1) return
  const retryAfterSeconds = Math.max(1, Math.ceil((Date.parse(reached.at) + HOUR_MS - now.getTime()) / 1000))
  throw new AppError(
    'TOOMANYREQUESTS',
    `${actor} has signed in and changed things of its own ${MAX_OWN_AN_HOUR} times within an hour: try again in ${retryAfterSeconds} s`,
    { detail: { retryAfterSeconds } },
  )
}

/** What its owner, or its organization's, calls the token; null: there is none. */
export async function findTokenLabel(db: Queries, tokenId: string | undefined): Promise<string | null> {
  if (tokenId === undefined) return null
  const row = await db.selectFrom('tokens').select('label').where('id', '=', tokenId).executeTakeFirst()
  if (row !== undefined) return row.label
  const ofOrganization = db.selectFrom('organization_tokens').select('label').where('id', '=', tokenId)
  return (await ofOrganization.executeTakeFirst())?.label ?? null
}

/** Of bounded length, whatever a tenant has made large. */
export function stateText(state: AuditState): string | null {
  if (state === null) return null
  const text = JSON.stringify(clipped(state))
  return text.length <= MAX_STATE_CHARACTERS
    ? text
    : JSON.stringify({ tooLarge: clippedText(Object.keys(state).join(', '), MAX_TEXT) })
}

function clipped(value: unknown): unknown {
  if (typeof value === 'string') return clippedText(value, MAX_TEXT)
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map(clipped)
    return value.length > MAX_ITEMS ? [...items, `and ${value.length - MAX_ITEMS} more`] : items
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, clipped(one)]))
}

/** What people asked for, as one line: PostgreSQL's text holds no zero byte, and what comes out of it is printed. */
export function objectText(object: string): string {
  return clippedText(printableLine(object), MAX_OBJECT).toWellFormed()
}

function clippedText(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

export interface AuditFilter {
  readonly actor?: string | undefined
  /** A `*` at the end: all that begin so. */
  readonly action?: string | undefined
  readonly object?: string | undefined
  /** All about this repository: itself, its tags and content, its mirror, its webhooks. */
  readonly repository?: string | undefined
  readonly outcome?: 'done' | 'refused' | undefined
  /** ISO 8601 in UTC; from here on, and up to but without this. */
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** Newest first. @param organizationId null: the instance's own @param page.after the `seq` of the last one that was seen */
export async function listAudit(
  db: Queries,
  organizationId: string | null,
  filter: AuditFilter,
  page: { readonly after?: number | undefined; readonly limit: number },
): Promise<AuditEntry[]> {
  let query = db.selectFrom('audit_entries').selectAll().orderBy('seq', 'desc').limit(page.limit)
  query =
    organizationId === null
      ? query.where('organization_id', 'is', null)
      : query.where('organization_id', '=', organizationId)
  if (page.after !== undefined) query = query.where('seq', '<', page.after)
  if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor)
  if (filter.outcome !== undefined) query = query.where('outcome', '=', filter.outcome)
  if (filter.since !== undefined) query = query.where('at', '>=', filter.since)
  if (filter.until !== undefined) query = query.where('at', '<', filter.until)
  for (const column of ['action', 'object'] as const) {
    const wanted = filter[column]
    if (wanted === undefined) continue
    if (!wanted.endsWith('*')) query = query.where(column, '=', wanted)
    else query = query.where(column, '>=', wanted.slice(0, -1)).where(column, '<', `${wanted.slice(0, -1)}\u{10ffff}`)
  }
  const { repository } = filter
  if (repository !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('object', '=', repository),
        ...[`${repository}:`, `${repository}@`, `webhook:${repository}/`].map((start) =>
          eb.and([eb('object', '>=', start), eb('object', '<', `${start}\u{10ffff}`)]),
        ),
      ]),
    )
  }
  return (await query.execute()).map(entryOf)
}

function entryOf(row: Selectable<AuditEntryRow>): AuditEntry {
  const { seq, at, actor, token, action, object, outcome, address, request_id: requestId } = row
  const states = { before: stateOf(row.before_state), after: stateOf(row.after_state) }
  return { seq, at, actor, token, action, object, outcome, ...states, address, requestId }
}

function stateOf(text: string | null): AuditEntry['before'] {
  return text === null ? null : JSON.parse(text)
}

/** Removes up to `limit` entries of before a time. @returns how many */
export async function pruneAudit(tx: Transaction, before: string, limit: number): Promise<number> {
  const old = tx.selectFrom('audit_entries').select('seq').where('at', '<', before).orderBy('at').limit(limit)
  const { numDeletedRows } = await tx
    .deleteFrom('audit_entries')
    .where('seq', 'in', (eb) => eb.selectFrom(old.as('old')).select('old.seq'))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/** One outcome of one log: refused attempts never push out what was done. */
export interface LogPart {
  /** Null: the instance's. */
  readonly organizationId: string | null
  readonly outcome: 'done' | 'refused'
}

/** Those that hold more entries than `most` says. */
export async function listLongLogs(
  db: Queries,
  most: Readonly<Record<LogPart['outcome'], number>>,
): Promise<LogPart[]> {
  const rows = await db
    .selectFrom('audit_entries')
    .select(['organization_id as organizationId', 'outcome'])
    .select((eb) => eb.fn.countAll<number | string>().as('entries'))
    .groupBy(['organization_id', 'outcome'])
    .execute()
  return rows.filter(({ outcome, entries }) => Number(entries) > most[outcome])
}

/** Of one log, one account has so much before its own oldest entries go first. */
const SHARE = 1 / 10

/** Removes up to `limit` of the oldest entries beyond `most`: those of the busiest account, as long as it has more than its share. @returns how many */
export async function shortenAudit(
  tx: Transaction,
  { organizationId, outcome }: LogPart,
  o: { readonly most: number; readonly limit: number },
): Promise<number> {
  const part = tx.selectFrom('audit_entries').where('outcome', '=', outcome)
  const own =
    organizationId === null
      ? part.where('organization_id', 'is', null)
      : part.where('organization_id', '=', organizationId)
  const counts = await own
    .select('actor')
    .select((eb) => eb.fn.countAll<number | string>().as('entries'))
    .groupBy('actor')
    .orderBy('entries', 'desc')
    .execute()
  const over = counts.reduce((sum, { entries }) => sum + Number(entries), -o.most)
  const [busiest] = counts
  if (over <= 0 || busiest === undefined) return 0
  const beyond = Number(busiest.entries) - Math.floor(o.most * SHARE)
  const from = beyond > 0 ? own.where('actor', '=', busiest.actor) : own
  const limit = Math.min(o.limit, over, beyond > 0 ? beyond : over)
  const oldest = from.select('seq').orderBy('seq').limit(limit)
  const { numDeletedRows } = await tx
    .deleteFrom('audit_entries')
    .where('seq', 'in', (eb) => eb.selectFrom(oldest.as('oldest')).select('oldest.seq'))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
