/** `webhook`: what is posted where when a tag moves. */
import { type Command, Option } from 'commander'
import {
  initialSyncSchema,
  placedWebhookSchema,
  type Webhook,
  webhookAnswerSchema,
  webhookChangedSchema,
  webhookCreatedSchema,
  webhookEventSchema,
  webhookFormatSchema,
  webhookSchema,
} from '../api/webhooks.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { blocks, lines } from './table.ts'
import { addDeliveryCommands } from './webhook-deliveries.ts'
import { addWebhookListenCommand } from './webhook-listen.ts'
import { webhookPath, webhooksPath } from './webhook-path.ts'
import { placedTable, webhookTable, webhookText } from './webhook-text.ts'

interface Flags {
  readonly json?: boolean
  readonly url?: string
  readonly repositories?: string[]
  readonly events?: string[]
  readonly tags?: string[]
  readonly changedOnly?: boolean
  readonly header?: string[]
  readonly format?: string
  readonly after?: string
  readonly plainHttp?: boolean
  readonly coalesce?: boolean
  readonly initialSync?: string
  readonly enabled?: boolean
  readonly disabled?: boolean
  readonly rotateSecret?: boolean
}

export function addWebhookCommands(program: Command, line: CommandLine): Command {
  const webhook = program.command('webhook').description('what is posted where when a tag moves')
  const target = (verb: string, description: string) =>
    addCommand(webhook, verb, description).argument(
      '<target>',
      'ORGANIZATION/NAME, or ORGANIZATION for its repositories by pattern',
    )
  const named = (verb: string, description: string) =>
    target(verb, description).argument('<name>', 'the name of the webhook')
  withSettings(
    target('create', 'make a webhook; its secret is shown this once').argument('<url>', 'where to post'),
    true,
  )
    .requiredOption('--name <name>', 'a name for it')
    .option('--disabled', 'make it, and send nothing yet')
    .action((to: string, url: string, o: Flags & { name: string }) => create(line, to, url, o))
  target('list', 'list webhooks')
    .option('--all', 'of an organization: those of its repositories too, and how they are')
    .action((to: string, o: Flags & { all?: boolean }) => (o.all === true ? listAll(line, to, o) : list(line, to, o)))
  named('show', 'show one webhook').action((to: string, name: string, o: Flags) => show(line, to, name, o))
  withSettings(named('change', 'change a webhook; what is not named stays'), false)
    .option('--url <url>', 'where to post')
    .option('--no-plain-http', 'want https again')
    .option('--no-changed-only', 'every push again')
    .option('--no-coalesce', 'every move again')
    .option('--enabled', 'send again, also after Kagami has disabled it')
    .option('--disabled', 'send nothing; what comes meanwhile is not kept for it')
    .option('--rotate-secret', 'make a new secret, shown this once; the old one signs too for 24 hours')
    .action((to: string, name: string, o: Flags) => change(line, to, name, o))
  named('delete', 'delete a webhook with its deliveries').action((to: string, name: string, o: Flags) =>
    remove(line, to, name, o),
  )
  addDeliveryCommands(named, line)
  addWebhookListenCommand(webhook, line)
  return webhook
}

function withSettings(command: Command, isNew: boolean): Command {
  const otherwise = (fallback: string) => (isNew ? `; default: ${fallback}` : '')
  return command
    .option('--repositories <pattern...>', `of an organization: names after ORGANIZATION/${otherwise('all')}`)
    .addOption(
      new Option('--events <event...>', `what it is told of${otherwise('tag.moved tag.restored')}`).choices(
        webhookEventSchema.options,
      ),
    )
    .option(
      '--tags <glob...>',
      isNew ? 'tags, ! before a glob leaves out; default: all' : 'tags, ! before a glob leaves out; all: every tag',
    )
    .option('--changed-only', 'not for a push that left the tag where it was')
    .option('--header <header...>', `"NAME: VALUE" sent along; values are never shown${isNew ? '' : '; none: no more'}`)
    .addOption(
      new Option('--format <format>', `of what is posted${otherwise('hub')}`).choices(webhookFormatSchema.options),
    )
    .option(
      '--after <name>',
      `start when the receiver of this webhook has said success${isNew ? '' : '; none: wait for nobody'}`,
    )
    .option('--plain-http', 'allow http:// addresses')
    .option('--coalesce', 'a later move of a tag takes the place of those that were not delivered yet')
    .addOption(
      new Option(
        '--initial-sync <mode>',
        `of the first pass of a mirror: each tag, one summary, or nothing${otherwise('summary')}`,
      ).choices(initialSyncSchema.options),
    )
}

function headersOf(given: readonly string[] | undefined): Record<string, string> | undefined {
  if (given === undefined) return undefined
  if (given.length === 1 && given[0] === 'none') return {}
  return Object.fromEntries(
    given.map((text) => {
      const colon = text.indexOf(':')
      // The value may be a secret: it is not shown.
      if (colon < 1) throw new UsageError(`--header: want 'NAME: VALUE', got ${text.length} characters without a colon`)
      return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
    }),
  )
}

function settingsOf(o: Flags): Record<string, unknown> {
  if (o.enabled === true && o.disabled === true) throw new UsageError('--enabled and --disabled exclude each other')
  return {
    repositories: o.repositories,
    events: o.events,
    tags: o.tags?.length === 1 && o.tags[0] === 'all' ? [] : o.tags,
    changedOnly: o.changedOnly,
    headers: headersOf(o.header),
    format: o.format,
    after: o.after === 'none' ? null : o.after,
    plainHttp: o.plainHttp,
    coalesce: o.coalesce,
    initialSync: o.initialSync,
    enabled: o.disabled === true ? false : o.enabled,
  }
}

async function create(line: CommandLine, to: string, url: string, o: Flags & { name: string }): Promise<void> {
  const body = { name: o.name, url, ...settingsOf(o) }
  const client = await connect(line)
  const made = await client.call('POST', webhooksPath(to), webhookCreatedSchema, { body })
  answer(line, o, made, () => blocks([webhookText(made.webhook), secretText(made.secret)]))
}

function secretText(secret: string): string {
  return lines([
    '',
    `Secret: ${secret}`,
    'It is shown this once: give it to the receiver, which knows by it that a delivery is from here (Standard Webhooks).',
  ])
}

async function list(line: CommandLine, to: string, o: Flags): Promise<void> {
  const client = await connect(line)
  const webhooks: Webhook[] = await client.listAll(webhooksPath(to), 'webhooks', webhookSchema)
  answer(line, o, { webhooks, next: null }, () => webhookTable(webhooks))
}

async function listAll(line: CommandLine, organization: string, o: Flags): Promise<void> {
  if (organization.includes('/')) throw new UsageError(`--all: got ${organization}, want the name of an organization`)
  const client = await connect(line)
  const webhooks = await client.listAll('/webhooks', 'webhooks', placedWebhookSchema, { organization })
  answer(line, o, { webhooks, next: null }, () => placedTable(webhooks))
}

async function show(line: CommandLine, to: string, name: string, o: Flags): Promise<void> {
  const client = await connect(line)
  const document = await client.call('GET', webhookPath(to, name), webhookAnswerSchema)
  answer(line, o, document, () => webhookText(document.webhook))
}

async function change(line: CommandLine, to: string, name: string, o: Flags): Promise<void> {
  const body = { url: o.url, ...settingsOf(o), rotateSecret: o.rotateSecret }
  if (Object.values(body).every((given) => given === undefined)) throw new UsageError('got nothing to change')
  const client = await connect(line)
  const changed = await client.call('PATCH', webhookPath(to, name), webhookChangedSchema, { body })
  answer(line, o, changed, () =>
    blocks([webhookText(changed.webhook), changed.secret === undefined ? '' : secretText(changed.secret)]),
  )
}

async function remove(line: CommandLine, to: string, name: string, o: Flags): Promise<void> {
  const client = await connect(line)
  await client.send('DELETE', webhookPath(to, name))
  answer(line, o, { deleted: name }, () => `Deleted webhook ${name} of ${to}.`)
}
