/** `mirror start UPSTREAM --all`: a whole catalog. */
import type { Command } from 'commander'
import { type Mirror, mirrorSchema } from '../api/mirrors.ts'
import { type Subscription, subscriptionAnswerSchema, subscriptionPlanAnswerSchema } from '../api/subscriptions.ts'
import { systemSleep } from '../lib/retry.ts'
import type { ApiClient } from './client.ts'
import { answer, type CommandLine, chooseOrganization, connect } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { count } from './format.ts'
import { type SelectionFlags, selectionOf, withSelection } from './mirror-selection.ts'
import { type SettingFlags, settingsOf } from './mirror-settings.ts'
import { subscriptionPath } from './subscription.ts'
import { subscriptionPlanText } from './subscription-text.ts'
import { blocks, lines } from './table.ts'

/** How often `--wait` looks. */
const LOOK_MS = 500
/** Mirrors that are not in step, shown with their reason. */
const SHOWN = 20

export interface AllFlags extends SelectionFlags {
  readonly all?: boolean
}

interface StartAllFlags extends AllFlags, SettingFlags {
  readonly json?: boolean
  readonly org?: string
  readonly as?: string
  readonly wait?: boolean
  readonly dryRun?: boolean
}

export function withAll(command: Command): Command {
  return withSelection(command.option('--all', 'every repository of the upstream, new ones as they appear'))
}

/** @returns false when it is about one repository. @throws UsageError when the flags do not go together */
export async function startAll(line: CommandLine, upstream: string, o: StartAllFlags): Promise<boolean> {
  if (o.all !== true) {
    const given = (['match', 'except', 'repositories'] as const).find((name) => o[name] !== undefined)
    if (given !== undefined) throw new UsageError(`--${given} goes with --all: mirror start UPSTREAM --all`)
    return false
  }
  if (o.as !== undefined) throw new UsageError('--as names one mirror, and --all makes many')
  if (upstream.includes('/')) {
    throw new UsageError(
      `got ${JSON.stringify(upstream)}, want an UPSTREAM with --all; choose among its repositories by --match`,
    )
  }
  const client = await connect(line)
  const body = {
    organization: await chooseOrganization(client, o.org),
    upstream,
    ...selectionOf(o),
    adopt: o.adopt,
    settings: settingsOf(o),
    dryRun: o.dryRun,
  }
  if (o.dryRun === true) {
    const document = await client.call('POST', '/subscriptions', subscriptionPlanAnswerSchema, { body })
    answer(line, o, document, () => subscriptionPlanText(document.plan, upstream))
    return true
  }
  const { subscription } = await client.call('POST', '/subscriptions', subscriptionAnswerSchema, { body })
  await follow(line, client, subscription, o)
  return true
}

function total({ mirrors, entries }: Subscription): number {
  return mirrors + entries.waiting + entries.failed + entries.stopped + entries.removed
}

/** Says what was begun; or waits until every mirror had its first run, and fails unless all are in step. */
async function follow(line: CommandLine, client: ApiClient, begun: Subscription, o: StartAllFlags): Promise<void> {
  const { organization, upstream, id } = begun
  const begins = `Subscribed to ${upstream} for ${organization}: ${count(total(begun), 'mirror')}, and one for each that is new there.`
  if (o.wait !== true) {
    answer(line, o, { subscription: begun }, () =>
      lines([begins, `Look at it: ${line.program} subscription show ${id}`]),
    )
    return
  }
  line.terminal.note(begins)
  const subscription = await untilSettled(line, client, begun)
  const late = await listLate(client, subscription)
  answer(line, o, { subscription }, () => outcomeText(subscription, late))
  if (late.length > 0 || subscription.entries.failed > 0) throw new ExitStatus(EXIT.failed)
}

async function untilSettled(line: CommandLine, client: ApiClient, begun: Subscription): Promise<Subscription> {
  let shown = -1
  for (;;) {
    const { subscription } = await client.call('GET', subscriptionPath(begun), subscriptionAnswerSchema)
    const { waiting, initial } = subscription.entries
    const all = total(subscription)
    const done = all - waiting - initial
    const text = `${subscription.upstream}: ${done}/${count(all, 'mirror')} had their first run`
    if (line.terminal.isInteractive) line.terminal.paint(text)
    else if (Math.floor((done * 10) / Math.max(all, 1)) !== shown) {
      shown = Math.floor((done * 10) / Math.max(all, 1))
      line.terminal.note(text)
    }
    if ((waiting === 0 && initial === 0) || subscription.state === 'stopped') {
      if (line.terminal.isInteractive) line.terminal.paint('')
      return subscription
    }
    await systemSleep(LOOK_MS)
  }
}

/** Its mirrors that are not in step. */
async function listLate(client: ApiClient, { id, organization, entries }: Subscription): Promise<Mirror[]> {
  if (entries.degraded + entries.paused === 0) return []
  const mirrors = await client.listAll('/mirrors', 'mirrors', mirrorSchema, { organization })
  return mirrors.filter(({ subscription, state }) => subscription === id && ['degraded', 'paused'].includes(state))
}

function outcomeText(subscription: Subscription, late: readonly Mirror[]): string {
  const { upstream, mirrors, entries, failures } = subscription
  const reasons = [
    ...failures.map(({ repository, reason }) => `  ${upstream}/${repository}: ${reason}`),
    ...late.map(({ repository, state, reason }) => `  ${repository} is ${state}: ${reason ?? ''}`),
  ]
  const missing = entries.failed + late.length
  const but = missing === 0 ? '' : `, ${missing} are not in step`
  return blocks([
    lines([`${count(mirrors, 'mirror')} of ${upstream} had their first run${but}.`]),
    lines(reasons.slice(0, SHOWN)),
    missing > SHOWN ? lines([`  and ${missing - SHOWN} more`]) : '',
  ])
}
