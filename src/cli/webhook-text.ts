/** Webhooks and deliveries as people read them. */
import type { PlacedWebhook, Webhook, WebhookDelivery } from '../api/webhooks.ts'
import { age, duration } from './format.ts'
import { blocks, lines, properties, table } from './table.ts'

function stateOf({ enabled, disabledReason, failingSince }: Webhook): string {
  if (!enabled) return disabledReason === null ? 'disabled' : `disabled by Kagami: ${disabledReason}`
  return failingSince === null ? 'enabled' : `failing since ${age(failingSince, '')}`
}

export function webhookTable(webhooks: readonly Webhook[]): string {
  return table(
    ['name', 'address', 'events', 'format', 'state'],
    webhooks.map((one) => [one.name, one.url, one.events.join(' '), one.format, stateOf(one)]),
    'No webhooks.',
  )
}

/** Of many places. */
export function placedTable(webhooks: readonly PlacedWebhook[]): string {
  return table(
    ['of', 'name', 'address', 'state', 'under way', 'last'],
    webhooks.map((one) => {
      const { open, last } = one.health
      const ended = last === null ? '-' : `${last.status} ${age(last.at, '')}`
      return [one.repository ?? one.organization, one.name, one.url, stateOf(one), String(open), ended]
    }),
    'No webhooks.',
  )
}

export function webhookText(webhook: Webhook): string {
  const list = (items: readonly string[], none: string) => (items.length === 0 ? none : items.join(' '))
  const { repository, organization, repositories, oldSecretUntil } = webhook
  return properties([
    ['name', webhook.name],
    ['of', repository ?? `${organization}, repositories ${repositories.join(' ')}`],
    ['address', webhook.url],
    ['state', stateOf(webhook)],
    ['events', webhook.events.join(' ')],
    ['tags', list(webhook.tags, 'all')],
    ['pushes that change nothing', webhook.changedOnly ? 'left out' : 'told'],
    ['headers', list(webhook.headers, 'none of your own')],
    ['format', webhook.format],
    ['after', webhook.after ?? undefined],
    ['plain http', webhook.plainHttp ? 'allowed' : undefined],
    ['superseded moves', webhook.coalesce ? 'coalesced' : 'each delivered'],
    ['first pass of a mirror', { each: 'each tag', summary: 'one summary', none: 'not told' }[webhook.initialSync]],
    ['old secret signs too until', oldSecretUntil ?? undefined],
    ['made', `${age(webhook.createdAt, '')} by ${webhook.createdBy}`],
  ])
}

export function deliveryTable(deliveries: readonly WebhookDelivery[]): string {
  return table(
    ['delivery', 'event', 'tag', 'status', 'attempts', 'last', 'answer', 'receiver', 'error'],
    deliveries.map((one) => {
      const last = one.attempts.at(-1)
      return [
        one.id,
        one.kind,
        one.tag ?? '-',
        one.nextAt === null ? one.status : `${one.status}, again ${age(one.nextAt, '')}`,
        String(one.attempts.length),
        age(last?.at ?? null, '-'),
        last?.status?.toString() ?? '-',
        one.callback?.state ?? '-',
        one.error ?? '',
      ]
    }),
    'No deliveries.',
  )
}

export function deliveryText(delivery: WebhookDelivery): string {
  const { callback } = delivery
  return blocks([
    properties([
      ['delivery', delivery.id],
      ['event', `${delivery.kind} ${delivery.eventId}`],
      ['tag', delivery.tag ?? undefined],
      ['status', delivery.status],
      ['error', delivery.error ?? undefined],
      ['receiver said', callback === null ? undefined : [callback.state, callback.description ?? ''].join(' ').trim()],
    ]),
    lines(
      delivery.attempts.map(
        ({ at, status, durationMs, error }) => `${at}  ${status ?? '-'}  ${duration(durationMs)}  ${error ?? 'taken'}`,
      ),
    ),
  ])
}
