/** The outbox of webhooks in the text format of Prometheus. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { WebhookMeasures } from '../../db/webhooks/measures.ts'
import { DELAY_BUCKETS } from '../../db/webhooks/outcomes.ts'

const DELAY = 'kagami_webhook_delay_seconds'

export async function renderWebhookMetrics(
  { open, oldest, disabled, counters }: WebhookMeasures,
  now: Date,
): Promise<string> {
  const registry = new Registry()
  const registers = [registry]
  const deliveries = new Gauge({
    name: 'kagami_webhook_deliveries',
    help: 'What is still to be delivered: not tried yet (pending), and tried in vain (failed).',
    labelNames: ['status'],
    registers,
  })
  deliveries.set({ status: 'pending' }, open.pending)
  deliveries.set({ status: 'failed' }, open.failed)
  const age = oldest === null ? 0 : Math.max(0, (now.getTime() - Date.parse(oldest)) / 1000)
  new Gauge({
    name: 'kagami_webhook_oldest_seconds',
    help: 'Age of the oldest event that is still to be delivered.',
    registers,
  }).set(age)
  new Gauge({
    name: 'kagami_webhooks_disabled',
    help: 'Webhooks that Kagami has disabled, because nothing was taken for days.',
    registers,
  }).set(disabled)
  const delivered = new Counter({
    name: 'kagami_webhook_delivered_total',
    help: 'Deliveries that a receiver has taken.',
    registers,
  })
  const dead = new Counter({ name: 'kagami_webhook_dead_total', help: 'Deliveries that were given up.', registers })
  const failures = new Counter({
    name: 'kagami_webhook_failures_total',
    help: 'Attempts that failed, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const { counter, label, total } of counters) {
    if (counter === 'delivered') delivered.inc(total)
    else if (counter === 'dead') dead.inc(total)
    else if (counter === 'failed') failures.inc({ reason: label }, total)
  }
  return `\n${await registry.metrics()}${delays(counters)}`
}

/** The library's histogram observes values; these were counted by all servers, and are in the database. */
function delays(counters: WebhookMeasures['counters']): string {
  const of = (name: string) => counters.filter(({ counter }) => counter === name)
  const byBucket = new Map(of('delay').map(({ label, total }) => [label, total]))
  let sum = 0
  const buckets = [...DELAY_BUCKETS.map(String), '+Inf'].map((label) => {
    sum += byBucket.get(label) ?? 0
    return `${DELAY}_bucket{le="${label}"} ${sum}`
  })
  const seconds = of('delay-milliseconds').reduce((all, { total }) => all + total, 0) / 1000
  return [
    `\n# HELP ${DELAY} From an event to its delivery.`,
    `# TYPE ${DELAY} histogram`,
    ...buckets,
    `${DELAY}_sum ${seconds}`,
    `${DELAY}_count ${sum}`,
    '',
  ].join('\n')
}
