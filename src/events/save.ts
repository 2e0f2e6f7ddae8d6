/** Writes down what became of attempts, many at once, and what that means for their webhooks. */
import type { Database, Transaction } from '../db/engine/engine.ts'
import { appendEvents, type NewEvent } from '../db/platform/events.ts'
import { findRepositoryById } from '../db/repositories/repositories.ts'
import type { WebhookRow } from '../db/schema.ts'
import { recordOutcomes } from '../db/webhooks/outcomes.ts'
import { listWebhooksById, updateWebhook } from '../db/webhooks/webhooks.ts'
import { assertFence, type Fence } from '../jobs/fence.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Attempted } from './attempt.ts'
import { DISABLE_AFTER_MS } from './schedule.ts'

export interface SaveDeps {
  readonly db: Database
  readonly clock: Clock
  readonly fence: Fence
}

/** @returns the webhooks that are disabled from now on @throws AppError CONFLICT when another server delivers now */
export async function saveAttempts(
  { db, clock, fence }: SaveDeps,
  attempts: readonly Attempted[],
): Promise<WebhookRow[]> {
  const now = clock.now()
  // Lost with the power, what was sent is sent again, under the same id.
  return db.stage(async (tx) => {
    await assertFence(tx, fence)
    await recordOutcomes(
      tx,
      attempts.map(({ outcome }) => outcome),
      isoTime(now),
    )
    const disabled: WebhookRow[] = []
    const events: NewEvent[] = []
    const byWebhook = Map.groupBy(attempts, ({ outcome }) => outcome.webhookId)
    for (const webhook of await listWebhooksById(tx, [...byWebhook.keys()])) {
      const why = await settleWebhook(tx, webhook, byWebhook.get(webhook.id) ?? [], now)
      if (why === undefined) continue
      disabled.push({ ...webhook, enabled: 0, disabled_reason: why })
      events.push(await disabledEvent(tx, webhook, why, isoTime(now)))
    }
    await appendEvents(tx, events)
    return disabled
  })
}

/** @returns why it is disabled from now on; undefined: it is not */
async function settleWebhook(
  tx: Transaction,
  webhook: WebhookRow,
  attempts: readonly Attempted[],
  now: Date,
): Promise<string | undefined> {
  const { failing_since: since, enabled } = webhook
  if (attempts.some(({ outcome }) => outcome.status === 'delivered')) {
    if (since !== null) await updateWebhook(tx, webhook.id, { failing_since: null })
    return undefined
  }
  const last = attempts.at(-1)?.outcome.attempt.error ?? 'it failed'
  const isGone = attempts.some((one) => one.isGone)
  const isLong = since !== null && now.getTime() - Date.parse(since) >= DISABLE_AFTER_MS
  if (enabled === 0 || !(isGone || isLong)) {
    if (since === null) await updateWebhook(tx, webhook.id, { failing_since: isoTime(now) })
    return undefined
  }
  const why = isGone ? last : `no delivery has succeeded since ${since}; the last failure: ${last}`
  await updateWebhook(tx, webhook.id, { enabled: 0, disabled_reason: why, updated_at: isoTime(now) })
  return why
}

async function disabledEvent(tx: Transaction, webhook: WebhookRow, reason: string, at: string): Promise<NewEvent> {
  const { id: webhookId, name, organization_id: organizationId, repository_id: repositoryId } = webhook
  const repository = repositoryId === null ? undefined : (await findRepositoryById(tx, repositoryId))?.name
  return {
    kind: 'webhook.disabled',
    organizationId,
    repositoryId,
    actor: 'system',
    at,
    payload: { ...(repository === undefined ? {} : { repository }), webhookId, webhook: name, reason },
  }
}
