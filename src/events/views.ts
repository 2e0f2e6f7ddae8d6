/** Webhooks and deliveries as the management API shows them. */
import type { PlacedWebhook, Webhook, WebhookAttempt, WebhookDelivery } from '../api/webhooks.ts'
import type { WebhookAttemptRow, WebhookDeliveryRow, WebhookRow } from '../db/schema.ts'
import type { PlacedWebhook as PlacedRow, WebhookHealth } from '../db/webhooks/across.ts'

interface Scope {
  readonly organization: { readonly name: string }
  readonly repository: { readonly name: string } | undefined
}

/** @param leader the name of the webhook that it runs after */
export function viewWebhook({ organization, repository }: Scope, row: WebhookRow, leader: string | undefined): Webhook {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    organization: organization.name,
    repository: repository?.name ?? null,
    repositories: JSON.parse(row.repositories) as string[],
    events: JSON.parse(row.events) as Webhook['events'],
    tags: JSON.parse(row.tags) as string[],
    changedOnly: row.changed_only === 1,
    headers: JSON.parse(row.header_names) as string[],
    format: row.format,
    after: leader ?? null,
    plainHttp: row.plain_http === 1,
    coalesce: row.coalesce_moves === 1,
    initialSync: row.initial_sync,
    enabled: row.enabled === 1,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since,
    oldSecretUntil: row.old_secret_until,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}

/** @param leader see viewWebhook */
export function viewPlacedWebhook(
  row: PlacedRow,
  leader: string | undefined,
  health: WebhookHealth | undefined,
): PlacedWebhook {
  const repository = row.repository === null ? undefined : { name: row.repository }
  const scope = { organization: { name: row.organization }, repository }
  const last = health?.last
  return {
    ...viewWebhook(scope, row, leader),
    health: {
      open: health?.open ?? 0,
      last:
        last?.finished_at == null
          ? null
          : {
              id: last.id,
              status: last.status,
              kind: last.kind,
              tag: last.tag,
              error: last.error,
              at: last.finished_at,
            },
    },
  }
}

export function viewDelivery(row: WebhookDeliveryRow, attempts: readonly WebhookAttemptRow[]): WebhookDelivery {
  return {
    id: row.id,
    eventId: row.event_id,
    seq: row.event_seq,
    kind: row.kind,
    tag: row.tag,
    status: row.status,
    reason: row.reason as WebhookDelivery['reason'],
    error: row.error,
    createdAt: row.created_at,
    nextAt: row.due_at,
    // Those that were written down since the row was read belong to its next state.
    attempts: attempts.filter(({ number }) => number <= row.attempts).map(viewAttempt),
    callback:
      row.callback_state === null || row.callback_at === null
        ? null
        : {
            state: row.callback_state,
            description: row.callback_description,
            context: row.callback_context,
            targetUrl: row.callback_target_url,
            at: row.callback_at,
          },
  }
}

function viewAttempt(row: WebhookAttemptRow): WebhookAttempt {
  return {
    at: row.at,
    status: row.status,
    durationMs: row.duration_ms,
    reason: row.reason as WebhookAttempt['reason'],
    error: row.error,
    requestHeaders: JSON.parse(row.request_headers) as Record<string, string>,
    answerHeaders: JSON.parse(row.answer_headers) as Record<string, string>,
    answer: row.answer,
  }
}
