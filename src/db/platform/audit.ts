/** The audit log: who did what, in the transaction of the change; and who was refused what (`audit-refusals.ts`). */
import type { Selectable } from 'kysely'
import type { AuditEntry } from '../../api/audit.ts'
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
 * @param o.token its label, where the change itself may have ended the token; undefined: it is looked up
 */
export async function recordAudit(
  tx: Transaction,
  change: AuditChange,
  o: { readonly token?: string | null; readonly clock?: Clock } = {},
): Promise<void> {
  const request = currentRequest()
  const row = {
    organization_id: change.organizationId,
    at: isoTime((o.clock ?? systemClock).now()),
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

/** The logs that hold more than `most` entries; null: the instance's. */
export async function listLongLogs(db: Queries, most: number): Promise<(string | null)[]> {
  const rows = await db
    .selectFrom('audit_entries')
    .select('organization_id')
    .groupBy('organization_id')
    .having((eb) => eb.fn.countAll<number>(), '>', most)
    .execute()
  return rows.map((row) => row.organization_id)
}

/** Removes up to `limit` of the oldest entries beyond the newest `most` of one log. @returns how many */
export async function shortenAudit(
  tx: Transaction,
  organizationId: string | null,
  o: { readonly most: number; readonly limit: number },
): Promise<number> {
  const of = tx.selectFrom('audit_entries').select('seq').orderBy('seq', 'desc')
  const own =
    organizationId === null ? of.where('organization_id', 'is', null) : of.where('organization_id', '=', organizationId)
  const last = await own.offset(o.most).limit(1).executeTakeFirst()
  if (last === undefined) return 0
  const over = own.clearOrderBy().where('seq', '<=', last.seq).orderBy('seq').limit(o.limit)
  const { numDeletedRows } = await tx
    .deleteFrom('audit_entries')
    .where('seq', 'in', (eb) => eb.selectFrom(over.as('over')).select('over.seq'))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
