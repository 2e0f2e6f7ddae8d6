/** What became of attempts, many in one transaction. */
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import { prepareRows } from '../engine/prepared.ts'
import type { DeliveryStatus, WebhookAttemptRow, WebhookCounterRow } from '../schema.ts'
import { type Ended, endFollowers } from './followers.ts'

/** One attempt, and how its delivery stands after it. */
export interface Outcome {
  readonly attempt: WebhookAttemptRow
  readonly webhookId: string
  readonly eventSeq: number
  readonly tag: string | null
  /** As the delivery was when it was loaded. */
  readonly generation: number
  readonly status: Exclude<DeliveryStatus, 'pending'>
  readonly tries: number
  /** When it is tried again; null: not. */
  readonly dueAt: string | null
  /** From the event to the answer; of a first success. */
  readonly delayMs: number | undefined
}

const insertAttempts = prepareRows<WebhookAttemptRow, unknown>((db, chunk) =>
  db
    .insertInto('webhook_attempts')
    .values(chunk)
    .onConflict((conflict) => conflict.columns(['delivery_id', 'number']).doNothing()),
)

/** Attempts of a delivery whose headers and answer are kept, and attempts that are kept: it may be redelivered without end. */
const WHOLE_ATTEMPTS = 3
const MAX_ATTEMPTS = 50

/** Up to so many seconds, as labels of the `delay` counter. */
export const DELAY_BUCKETS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400] as const

/**
 * Writes them down; those whose delivery is gone are left out. Where it was decided anew in the meantime what becomes of a delivery (it is to be
 * sent again, or is over), the attempt alone is.
 */
export async function recordOutcomes(tx: Transaction, outcomes: readonly Outcome[], at: string): Promise<void> {
  const generations = new Map<string, number>()
  for (const chunk of inChunks(outcomes.map(({ attempt }) => attempt.delivery_id))) {
    const rows = await tx
      .selectFrom('webhook_deliveries')
      .select(['id', 'generation'])
      .where('id', 'in', chunk)
      .execute()
    for (const { id, generation } of rows) generations.set(id, generation)
  }
  const known = outcomes.filter(({ attempt }) => generations.has(attempt.delivery_id))
  const isCurrent = ({ attempt, generation }: Outcome) => generations.get(attempt.delivery_id) === generation
  await insertAttempts(
    tx,
    known.map(({ attempt }) => attempt),
  )
  await thinOut(tx, known)
  const current = known.filter(isCurrent)
  await settle(tx, current, at)
  const overtaken = known.filter((one) => !isCurrent(one))
  for (const [number, group] of Map.groupBy(overtaken, ({ attempt }) => attempt.number)) {
    for (const chunk of inChunks(group.map((one) => one.attempt.delivery_id))) {
      await tx.updateTable('webhook_deliveries').set({ attempts: number }).where('id', 'in', chunk).execute()
    }
  }
  const ended = current.flatMap(({ webhookId, eventSeq, tag, status, attempt }): Ended[] =>
    status === 'dead' ? [{ webhookId, eventSeq, tag, why: attempt.error ?? 'it failed' }] : [],
  )
  await endFollowers(tx, ended, at)
  // Of what is sent again nobody knows yet that it is dead.
  const counted = overtaken.map((one): Outcome => (one.status === 'dead' ? { ...one, status: 'failed' } : one))
  await count(tx, countersOf([...current, ...counted]))
}

/** What a delivery's attempts weigh has an end: all is kept of the last ones, of others the outcome, of very many nothing. */
async function thinOut(tx: Transaction, outcomes: readonly Outcome[]): Promise<void> {
  for (const [number, group] of Map.groupBy(outcomes, ({ attempt }) => attempt.number)) {
    if (number <= WHOLE_ATTEMPTS) continue
    for (const chunk of inChunks(group.map(({ attempt }) => attempt.delivery_id))) {
      await tx
        .updateTable('webhook_attempts')
        .set({ request_headers: '{}', answer_headers: '{}', answer: '' })
        .where('delivery_id', 'in', chunk)
        .where('number', '=', number - WHOLE_ATTEMPTS)
        .execute()
      if (number <= MAX_ATTEMPTS) continue
      await tx
        .deleteFrom('webhook_attempts')
        .where('delivery_id', 'in', chunk)
        .where('number', '<=', number - MAX_ATTEMPTS)
        .execute()
    }
  }
}

/** Most end alike, so a few statements write them all. */
async function settle(tx: Transaction, outcomes: readonly Outcome[], at: string): Promise<void> {
  const groups = Map.groupBy(outcomes, ({ status, tries, dueAt, attempt: { number, reason, error } }) =>
    JSON.stringify([status, tries, dueAt, number, reason, error]),
  )
  for (const group of groups.values()) {
    const [first] = group
    if (first === undefined) continue
    const { status, tries, dueAt, attempt } = first
    for (const chunk of inChunks(group.map((one) => one.attempt.delivery_id))) {
      await tx
        .updateTable('webhook_deliveries')
        .set({ status, tries, due_at: dueAt, line: null, attempts: attempt.number })
        .set({ reason: attempt.reason, error: attempt.error, finished_at: dueAt === null ? at : null })
        .where('id', 'in', chunk)
        .execute()
    }
  }
}

function countersOf(outcomes: readonly Outcome[]): WebhookCounterRow[] {
  const totals = new Map<string, WebhookCounterRow>()
  const add = (counter: WebhookCounterRow['counter'], label: string, by: number) => {
    const row = totals.get(`${counter} ${label}`)
    totals.set(`${counter} ${label}`, { counter, label, total: (row?.total ?? 0) + by })
  }
  for (const { status, attempt, delayMs } of outcomes) {
    if (status === 'delivered') add('delivered', '', 1)
    else add('failed', attempt.reason ?? 'other', 1)
    if (status === 'dead') add('dead', '', 1)
    if (delayMs === undefined) continue
    const bucket = DELAY_BUCKETS.find((most) => delayMs <= most * 1000)
    add('delay', bucket === undefined ? '+Inf' : String(bucket), 1)
    add('delay-milliseconds', '', Math.round(delayMs))
  }
  return [...totals.values()]
}

async function count(tx: Transaction, rows: readonly WebhookCounterRow[]): Promise<void> {
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('webhook_counters')
      .values(chunk)
      .onConflict((conflict) =>
        conflict
          .columns(['counter', 'label'])
          .doUpdateSet((eb) => ({ total: eb('webhook_counters.total', '+', eb.ref('excluded.total')) })),
      )
      .execute()
  }
}
