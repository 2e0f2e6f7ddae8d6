/** What became of what a webhook was to be sent, and sending it again. */
import { type Command, Option } from 'commander'
import {
  deliveryAnswerSchema,
  deliveryListSchema,
  deliveryStatusSchema,
  redeliveredSchema,
  type WebhookDelivery,
} from '../api/webhooks.ts'
import { findDuration } from '../lib/duration.ts'
import { segment } from './client.ts'
import { answer, type CommandLine, connect } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { lines } from './table.ts'
import { webhookPath } from './webhook-path.ts'
import { deliveryTable, deliveryText } from './webhook-text.ts'

interface Common {
  readonly json?: boolean
}

interface ListOptions extends Common {
  readonly status?: string
  readonly event?: string
  readonly limit: string
  readonly after?: string
}

interface AgainOptions extends Common {
  readonly failedSince?: string
  readonly event?: string
}

/** @param named makes a command that takes a target and the name of a webhook */
export function addDeliveryCommands(named: (verb: string, description: string) => Command, line: CommandLine): void {
  named('test', 'send it an event of kind webhook.test, and say what the receiver answered').action(
    (to: string, name: string, o: Common) => test(line, to, name, o),
  )
  named('deliveries', 'list what was and is to be delivered, newest event first')
    .addOption(new Option('--status <status>', 'of one status only').choices(deliveryStatusSchema.options))
    .option('--event <id>', 'of one event only')
    .option('--limit <number>', 'at most so many', '100')
    .option('--after <next>', 'the `next` of the page before')
    .action((to: string, name: string, o: ListOptions) => deliveries(line, to, name, o))
  named('redeliver', 'deliver again, under the same ids')
    .argument('[delivery]', 'the id of one delivery')
    .option('--failed-since <time>', 'all without success since a time: 2026-01-31, 2026-01-31T12:00:00Z, or 7d')
    .option('--event <id>', 'an event, also when the webhook was not told of it')
    .action((to: string, name: string, delivery: string | undefined, o: AgainOptions) =>
      redeliver(line, to, name, delivery, o),
    )
}

/** The first attempt takes half a minute at most; the lease may have to go over to another server before. */
const PATIENCE_MS = 60_000
const LOOK_MS = 200

async function test(line: CommandLine, to: string, name: string, o: Common): Promise<void> {
  const client = await connect(line)
  const path = webhookPath(to, name)
  let { delivery } = await client.call('POST', `${path}/test`, deliveryAnswerSchema)
  for (const until = Date.now() + PATIENCE_MS; isUntried(delivery) && Date.now() < until; ) {
    await Bun.sleep(LOOK_MS)
    const answered = await client.call('GET', `${path}/deliveries/${segment(delivery.id)}`, deliveryAnswerSchema)
    delivery = answered.delivery
  }
  answer(line, o, { delivery }, () => deliveryText(delivery))
  if (delivery.status !== 'delivered') throw new ExitStatus(EXIT.failed)
}

function isUntried({ status, attempts }: WebhookDelivery): boolean {
  return status === 'pending' && attempts.length === 0
}

async function deliveries(line: CommandLine, to: string, name: string, o: ListOptions): Promise<void> {
  const limit = Number(o.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new UsageError(`--limit: got ${JSON.stringify(o.limit)}, want a whole number from 1 to 1000`)
  }
  const client = await connect(line)
  const query = { limit, after: o.after, status: o.status, event: o.event }
  const page = await client.call('GET', `${webhookPath(to, name)}/deliveries`, deliveryListSchema, { query })
  answer(line, o, page, () => deliveryTable(page.deliveries))
  if (page.next !== null && o.json !== true) line.terminal.note(`There are more: --after '${page.next}'`)
}

async function redeliver(
  line: CommandLine,
  to: string,
  name: string,
  delivery: string | undefined,
  o: AgainOptions,
): Promise<void> {
  const given = [delivery, o.failedSince, o.event].filter((one) => one !== undefined)
  if (given.length !== 1) throw new UsageError('want one of a delivery, --failed-since and --event')
  const ms = o.failedSince === undefined ? undefined : findDuration(o.failedSince)
  const failedSince = ms === undefined ? o.failedSince : new Date(Date.now() - ms).toISOString()
  const client = await connect(line)
  const body = { delivery, failedSince, event: o.event }
  const done = await client.call('POST', `${webhookPath(to, name)}/redeliver`, redeliveredSchema, { body })
  answer(line, o, done, () =>
    lines([
      done.deliveries.length === 1
        ? '1 delivery is sent again.'
        : `${done.deliveries.length} deliveries are sent again.`,
      ...(done.more ? ['There are more: say it once more.'] : []),
    ]),
  )
}
