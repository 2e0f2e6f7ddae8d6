/** A subscription's standing follows from what is written of it: one place computes it, in the transaction of whatever has changed. */
import type { Transaction } from '../../db/engine/engine.ts'
import { countEntries, listEntries } from '../../db/mirrors/subscription-entries.ts'
import { findSubscription, type SubscriptionRecord, updateSubscription } from '../../db/mirrors/subscriptions.ts'
import { appendEvents, type EventKind } from '../../db/platform/events.ts'
import type { SubscriptionState } from '../../db/schema.ts'
import { standingOf } from './standing.ts'
import { countMirrors } from './views.ts'

export interface By {
  readonly actor: string
  readonly at: string
}

const EVENTS: Readonly<Record<SubscriptionState, EventKind>> = {
  active: 'subscription.recovered',
  degraded: 'subscription.degraded',
  paused: 'subscription.paused',
  stopped: 'subscription.stopped',
}

/** `since` changes only with the state, and each change of it is an event. */
export async function settleStanding(tx: Transaction, id: string, { actor, at }: By): Promise<void> {
  const row = await findSubscription(tx, id)
  if (row === undefined) return
  const counts = await countEntries(tx, id)
  const [first] = counts.failed === 0 ? [] : await listEntries(tx, id, { state: 'failed', limit: 1 })
  const total = countMirrors(counts) + counts.failed + counts.waiting
  const told = first === undefined ? undefined : `${first.source}: ${first.reason}`
  const { state, reason } = standingOf(row, { failed: counts.failed, total, first: told })
  if (state === row.state && reason === row.reason) return
  await updateSubscription(tx, id, { state, reason, since: state === row.state ? row.since : at })
  if (state === row.state) return
  await appendEvents(tx, [subscriptionEvent(EVENTS[state], row, { actor, at }, { reason })])
}

export function subscriptionEvent(
  kind: EventKind,
  row: Pick<SubscriptionRecord, 'id' | 'organization_id' | 'upstream'>,
  { actor, at }: By,
  payload: Readonly<Record<string, unknown>> = {},
) {
  const about = { subscription: row.id, upstream: row.upstream }
  return { kind, organizationId: row.organization_id, repositoryId: null, actor, at, payload: { ...about, ...payload } }
}
