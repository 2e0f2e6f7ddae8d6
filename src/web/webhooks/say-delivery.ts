/** What became of a delivery, in the reader's language; undefined where the server's own sentence is all there is. */
import type { WebhookAttempt, WebhookDelivery } from '../../api/webhooks.ts'
import type { Said } from '../text/said.ts'

export function sayDelivery(
  { reason, status, attempts }: Pick<WebhookDelivery, 'reason' | 'status' | 'attempts'>,
  said: Said | undefined,
): string | undefined {
  if (said === undefined) return undefined
  const last = attempts.at(-1)
  if (reason === 'status' && last !== undefined) return sayAttempt(last, said)
  return reason === null ? said.waits[status] : said.deliveries[reason]
}

export function sayAttempt(
  { reason, status }: Pick<WebhookAttempt, 'reason' | 'status'>,
  said: Said | undefined,
): string | undefined {
  if (said === undefined) return undefined
  if (status !== null && (reason === 'status' || reason === null)) return said.answered(String(status))
  return said.deliveries[reason ?? 'other']
}
