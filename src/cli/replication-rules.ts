/** Rules by which all repositories that a glob takes are replicated. */
import type { Command } from 'commander'
import {
  type ReplicationRule,
  replicationRuleAnswerSchema,
  replicationRulePlanAnswerSchema,
  replicationRuleSchema,
} from '../api/replications.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, chooseOrganization, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age, count } from './format.ts'
import { type ReplicationFlags, replicationSettingsOf } from './replication-settings.ts'
import { blocks, lines, table } from './table.ts'

interface Common {
  readonly json?: boolean
  readonly org?: string
}

export interface RuleFlags extends Common, ReplicationFlags {
  readonly match?: readonly string[]
  readonly as?: string
  readonly dryRun?: boolean
}

export function withRule(command: Command): Command {
  return command
    .option(
      '--match <glob...>',
      'all repositories that one of these globs takes, such as dhi-*, those that come later too',
    )
    .option('--as <name>', 'with --match: the name at the target, such as base/{name}; default: {name}')
    .option('--org <org>', 'with --match: the organization; default: your only one')
}

export function addRuleCommands(replication: Command, line: CommandLine): void {
  addCommand(replication, 'rules', 'list what start --match has made')
    .option('--org <org>', 'of one organization only')
    .action((o: Common) => list(line, o))
  addCommand(replication, 'end-rule', 'end a rule; its replications go on')
    .argument('<rule>', 'its id, as replication rules shows it')
    .option('--org <org>', 'the organization that has it; default: your only one')
    .action((id: string, o: Common) => end(line, id, o))
}

/** @param target its name alone @throws UsageError */
export async function startRule(line: CommandLine, target: string, o: RuleFlags): Promise<void> {
  if (target.includes('/')) {
    throw new UsageError(`got ${JSON.stringify(target)}, want the name of a target: --as says the names there`)
  }
  const client = await connect(line)
  const body = {
    organization: await chooseOrganization(client, o.org),
    target,
    match: o.match,
    as: o.as,
    settings: replicationSettingsOf(o),
    dryRun: o.dryRun,
  }
  if (o.dryRun === true) {
    const document = await client.call('POST', '/replication-rules', replicationRulePlanAnswerSchema, { body })
    const { matched } = document.plan
    answer(line, o, document, () =>
      table(
        ['action', 'repository', 'to', 'why'],
        matched.map(({ action, repository, to, reason }) => [action, repository, `${target}/${to}`, reason]),
        'It takes no repository that there is now.',
      ),
    )
    return
  }
  const document = await client.call('POST', '/replication-rules', replicationRuleAnswerSchema, { body })
  answer(line, o, document, () =>
    lines([
      `Replicating ${document.rule.match.join(' ')} of ${document.rule.organization} to ${target}/${document.rule.as}.`,
      `See what comes of it: ${line.program} replication list --target ${target}`,
    ]),
  )
}

async function list(line: CommandLine, o: Common): Promise<void> {
  const client = await connect(line)
  const query = { organization: o.org }
  const rules = await client.listAll('/replication-rules', 'rules', replicationRuleSchema, query)
  answer(line, o, { rules, next: null }, () =>
    blocks([
      table(
        ['rule', 'organization', 'match', 'to', 'replications', 'checked'],
        rules.map((rule) => [
          rule.id,
          rule.organization,
          rule.match.join(' '),
          `${rule.target}/${rule.as}`,
          String(rule.replications),
          age(rule.checkedAt, '-'),
        ]),
        `No rules yet. Start one: ${line.program} replication start TARGET --match 'dhi-*'`,
      ),
      lines(rules.flatMap(troubleOf)),
    ]),
  )
}

function troubleOf({ id, reason }: ReplicationRule): string[] {
  return reason === null ? [] : [`${id}: ${reason}`]
}

async function end(line: CommandLine, id: string, o: Common): Promise<void> {
  const client = await connect(line)
  const path = `/replication-rules/${segment(await chooseOrganization(client, o.org))}/${segment(id)}`
  const { rule } = await client.call('GET', path, replicationRuleAnswerSchema)
  await client.send('DELETE', path)
  answer(line, o, { ended: id }, () => `The rule is ended; ${count(rule.replications, 'replication')} of it go on.`)
}
