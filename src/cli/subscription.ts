import { type Command, Option } from 'commander'
import {
  entryStateSchema,
  type Subscription,
  subscriptionAnswerSchema,
  subscriptionChangeAnswerSchema,
  subscriptionEntrySchema,
  subscriptionSchema,
} from '../api/subscriptions.ts'
import { AppError } from '../errors.ts'
import type { ApiClient } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { count } from './format.ts'
import { type SelectionFlags, selectionOf, withSelection } from './mirror-selection.ts'
import { type SettingFlags, settingsOf, withSettings } from './mirror-settings.ts'
import { entryTable, subscriptionTable, subscriptionText } from './subscription-text.ts'
import { lines } from './table.ts'

interface Common {
  readonly json?: boolean
  readonly org?: string
}

export function addSubscriptionCommands(program: Command, line: CommandLine): void {
  const subscription = program.command('subscription').description('whole catalogs that are mirrored')
  const add = (verb: string, description: string) =>
    addCommand(subscription, verb, description)
      .argument('<subscription>', 'its id, or the upstream when there is one subscription to it')
      .option('--org <org>', 'the organization that has it; default: any of yours')
  addCommand(subscription, 'list', 'list subscriptions; mirror start UPSTREAM --all makes one')
    .option('--org <org>', 'of one organization only')
    .action((o: Common) => list(line, o))
  add('show', 'show one subscription, and what is without a mirror')
    .addOption(
      new Option('--entries <state>', 'the repositories of the catalog in this state').choices([
        'all',
        ...entryStateSchema.options,
      ]),
    )
    .action((name: string, o: Common & { entries?: string }) => show(line, name, o))
  withSelection(withSettings(add('change', 'change what it takes, or the settings of its mirrors')))
    .option('--catalog', 'what the catalog lists, after --repositories')
    .option('--adopt', 'take unmirrored repositories and stopped mirrors that are new to it')
    .option('--no-adopt', 'leave them as they are')
    .action((name: string, o: ChangeOptions) => change(line, name, o))
  add('sync', 'read its catalog now')
    .option('--accept-shrink', 'what the catalog lists now is all there is, however much it had before')
    .action((name: string, o: Common & { acceptShrink?: boolean }) =>
      turn(line, name, 'sync', o, { acceptShrink: o.acceptShrink }),
    )
  add('pause', 'no new mirrors until it is resumed; those that are there go on').action((name: string, o: Common) =>
    turn(line, name, 'pause', o),
  )
  add('resume', 'go on after a pause').action((name: string, o: Common) => turn(line, name, 'resume', o))
  add('stop', 'no new mirrors any more; those that are there go on')
    .option('--mirrors', 'stop them too; repositories and images stay')
    .action((name: string, o: Common & { mirrors?: boolean }) => stop(line, name, o))
}

export function subscriptionPath({ organization, id }: Pick<Subscription, 'organization' | 'id'>): string {
  return `/subscriptions/${encodeURIComponent(organization)}/${encodeURIComponent(id)}`
}

/** By id, or by upstream: the one that goes on, else the last that has stopped. @throws AppError NOT_FOUND; UsageError when there are several */
async function find(client: ApiClient, name: string, organization: string | undefined): Promise<Subscription> {
  const all = await client.listAll('/subscriptions', 'subscriptions', subscriptionSchema, { organization })
  const named = all.filter(({ id, upstream }) => id === name || upstream === name)
  const live = named.filter(({ id, state }) => id === name || state !== 'stopped')
  const [found, ...others] = live.length > 0 ? live : named.slice(-1)
  if (found === undefined)
    throw new AppError('NOT_FOUND', `there is no subscription ${name}: subscription list shows all`)
  if (others.length === 0) return found
  throw new UsageError(`${name} has several subscriptions, name one by its id: ${live.map(({ id }) => id).join(', ')}`)
}

async function list(line: CommandLine, o: Common): Promise<void> {
  const client = await connect(line)
  const subscriptions = await client.listAll('/subscriptions', 'subscriptions', subscriptionSchema, {
    organization: o.org,
  })
  answer(line, o, { subscriptions, next: null }, () => subscriptionTable(subscriptions))
}

async function show(line: CommandLine, name: string, o: Common & { entries?: string }): Promise<void> {
  const client = await connect(line)
  const subscription = await find(client, name, o.org)
  if (o.entries === undefined) {
    answer(line, o, { subscription }, () => subscriptionText(subscription, line.program))
    return
  }
  const state = o.entries === 'all' ? undefined : o.entries
  const path = `${subscriptionPath(subscription)}/entries`
  const entries = await client.listAll(path, 'entries', subscriptionEntrySchema, { state })
  answer(line, o, { entries, next: null }, () => entryTable(entries))
}

interface ChangeOptions extends Common, SelectionFlags, SettingFlags {
  readonly catalog?: boolean
}

async function change(line: CommandLine, name: string, o: ChangeOptions): Promise<void> {
  if (o.catalog === true && o.repositories !== undefined) {
    throw new UsageError('--catalog and --repositories exclude each other')
  }
  const selection = selectionOf(o)
  const body = {
    ...selection,
    repositories: o.catalog === true ? null : selection.repositories,
    adopt: o.adopt,
    settings: settingsOf(o),
  }
  if (Object.values(body).every((given) => given === undefined)) throw new UsageError('got nothing to change')
  const client = await connect(line)
  const path = subscriptionPath(await find(client, name, o.org))
  const document = await client.call('PATCH', path, subscriptionChangeAnswerSchema, { body })
  const { subscription, fallenOut } = document
  answer(line, o, document, () => subscriptionText(subscription, line.program))
  if (fallenOut > 0) {
    line.terminal.note(
      `${count(fallenOut, 'mirror')} fell out: they stay, go on by themselves, and are subscribed no more.`,
    )
  }
}

async function turn(
  line: CommandLine,
  name: string,
  verb: 'sync' | 'pause' | 'resume',
  o: Common,
  body?: unknown,
): Promise<void> {
  const client = await connect(line)
  const path = `${subscriptionPath(await find(client, name, o.org))}/${verb}`
  const document = await client.call('POST', path, subscriptionAnswerSchema, body === undefined ? {} : { body })
  answer(line, o, document, () => subscriptionText(document.subscription, line.program))
}

async function stop(line: CommandLine, name: string, o: Common & { mirrors?: boolean }): Promise<void> {
  const client = await connect(line)
  const subscription = await find(client, name, o.org)
  const path = `${subscriptionPath(subscription)}/stop`
  const document = await client.call('POST', path, subscriptionAnswerSchema, { body: { mirrors: o.mirrors === true } })
  const { upstream, mirrors } = subscription
  answer(line, o, document, () =>
    lines([
      `The subscription to ${upstream} has ended: no more mirrors are made.`,
      ...mirrorsAfterStop(mirrors, o.mirrors === true),
    ]),
  )
}

function mirrorsAfterStop(mirrors: number, isStopped: boolean): string[] {
  if (mirrors === 0) return []
  const [one, is, goes] = [mirrors === 1, mirrors === 1 ? 'is' : 'are', mirrors === 1 ? 'goes' : 'go']
  if (isStopped) {
    const turn = one ? '' : ' one after the other'
    return [`Its ${count(mirrors, 'mirror')} ${is} stopped${turn}; repositories and images stay.`]
  }
  return [
    `Its ${count(mirrors, 'mirror')} ${goes} on${one ? '' : ', each by itself'}; stop ${one ? 'it' : 'them'} too by --mirrors.`,
  ]
}
