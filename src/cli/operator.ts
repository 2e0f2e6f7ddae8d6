import type { Command } from 'commander'
import {
  type InstanceHealth,
  type InstanceSetting,
  instanceHealthAnswerSchema,
  instanceSettingsAnswerSchema,
} from '../api/operator.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { age, count, size } from './format.ts'
import { blocks, lines, properties, table } from './table.ts'

export function addOperatorCommands(program: Command, line: CommandLine): void {
  const operator = program.command('operator').description('how a server is, and what it goes by (operators)')
  addCommand(operator, 'health', 'show database, storage, servers, mirrors, deliveries and upstreams').action(
    (o: { json?: boolean }) => showHealth(line, o),
  )
  addCommand(operator, 'settings', 'show the settings of the server, and where each comes from; no secrets').action(
    (o: { json?: boolean }) => showSettings(line, o),
  )
}

async function showHealth(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const document = await (await connect(line)).call('GET', '/operator/health', instanceHealthAnswerSchema)
  answer(line, o, document, () => healthText(document.health))
}

function healthText(health: InstanceHealth): string {
  const { database, storage, servers, mirrors, runs, deliveries } = health
  const blobs = `${storage.isWhole ? '' : 'more than '}${count(storage.blobs, 'blob')}, ${size(storage.sizeBytes)}`
  const room =
    storage.freeBytes === null || storage.totalBytes === null
      ? 'the disk tells no size'
      : `${size(storage.freeBytes)} of ${size(storage.totalBytes)} free`
  const oldest = deliveries.oldestAt === null ? '' : `, the oldest from ${age(deliveries.oldestAt, '')}`
  return blocks([
    properties([
      ['Version', health.version],
      ['Started', age(health.startedAt, '-')],
      ['Memory', size(health.residentBytes)],
      ['Database', `${database.engine}${database.sizeBytes === null ? '' : `, ${size(database.sizeBytes)}`}`],
      ['Storage', `${blobs}; ${room}`],
      ['Servers', String(servers.length)],
      ['Mirrors', mirrors.map((one) => `${one.mirrors} ${one.state}`).join(', ') || 'none'],
      ['Runs', `${runs.running} under way, ${runs.waiting} waiting`],
      ['Deliveries', `${deliveries.pending} waiting, ${deliveries.failed} tried in vain${oldest}`],
    ]),
    lines([
      ...health.followers
        .filter(({ behind }) => behind > 0)
        .map(({ name, behind, since }) => `${name} is ${count(behind, 'event')} behind, since ${age(since, '-')}.`),
      ...health.upstreams.flatMap((one) => {
        const name = one.organization === null ? one.name : `${one.organization}/${one.name}`
        if (one.budget === null) return [`${name}: its login cannot be read.`]
        return one.budget.pauses.map(({ kind, until, reason }) => `${name}: no ${kind} before ${until}: ${reason}.`)
      }),
    ]),
  ])
}

async function showSettings(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const document = await (await connect(line)).call('GET', '/operator/settings', instanceSettingsAnswerSchema)
  answer(line, o, document, () =>
    table(
      ['setting', 'value', 'from'],
      document.settings.map((setting) => [setting.variable, valueText(setting), setting.where ?? setting.source]),
      'No settings.',
    ),
  )
}

function valueText({ value, isSecret, source }: InstanceSetting): string {
  if (isSecret) return source === 'default' ? '(not set)' : '(secret)'
  return value ?? '(not set)'
}
