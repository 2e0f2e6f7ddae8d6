/** Who did what, and who was refused what. */
import { type Command, Option } from 'commander'
import { type AuditEntry, auditEntrySchema, auditListSchema, auditOutcomeSchema } from '../api/audit.ts'
import { findDuration } from '../lib/duration.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { table } from './table.ts'

interface Filter {
  readonly deleted?: string
  readonly actor?: string
  readonly action?: string
  readonly object?: string
  readonly outcome?: string
  readonly since?: string
  readonly until?: string
}

interface ListOptions extends Filter {
  readonly json?: boolean
  readonly limit?: string
  readonly after?: string
}

export function addAuditCommands(program: Command, line: CommandLine): void {
  const audit = program.command('audit').description('who did what, and who was refused what')
  const list = addCommand(audit, 'list', 'show entries of the audit log, newest first (owners)')
  addFilter(list)
    .option('--limit <count>', 'entries of the page', '100')
    .option('--after <seq>', 'those after the `next` of the page before')
    .action((org: string | undefined, o: ListOptions) => showEntries(line, org, o))
  const all = audit.command('export').description('print the audit log as JSON lines, newest first (owners)')
  addFilter(all).action((org: string | undefined, o: Filter) => exportEntries(line, org, o))
}

function addFilter(command: Command): Command {
  const outcome = new Option('--outcome <outcome>', 'only these').choices(auditOutcomeSchema.options)
  const time = '2026-01-31, 2026-01-31T12:00:00Z, or 7d for seven days ago'
  return command
    .argument('[org]', 'the organization; left out: the log of the instance itself (operators)')
    .option('--deleted <org>', 'the log of an organization that was deleted (operators)')
    .option('--actor <user>', 'only what this user did; system for the server itself')
    .option('--action <action>', "only this action, such as mirror.pause; 'mirror.*' for all that begin so")
    .option('--object <object>', "only this object, such as acme/dhi-python; 'acme/*' for all that begin so")
    .addOption(outcome)
    .option('--since <time>', `from a time on: ${time}`)
    .option('--until <time>', `up to a time: ${time}`)
}

function pathOf(org: string | undefined): string {
  return org === undefined ? '/audit' : `/organizations/${segment(org)}/audit`
}

function queryOf({ deleted, actor, action, object, outcome, since, until }: Filter) {
  return { deleted, actor, action, object, outcome, since: momentOf(since), until: momentOf(until) }
}

/** A length of time is one ago; everything else the server judges. */
function momentOf(text: string | undefined): string | undefined {
  const ms = text === undefined ? undefined : findDuration(text)
  return ms === undefined ? text : new Date(Date.now() - ms).toISOString()
}

async function showEntries(line: CommandLine, org: string | undefined, o: ListOptions): Promise<void> {
  const client = await connect(line)
  const query = { ...queryOf(o), limit: o.limit, after: o.after }
  const document = await client.call('GET', pathOf(org), auditListSchema, { query })
  const { entries, next } = document
  if (next !== null && o.json !== true) line.terminal.note(`There are more: --after ${next}`)
  answer(line, o, document, () => auditTable(entries))
}

export function auditTable(entries: readonly AuditEntry[]): string {
  return table(
    ['at', 'actor', 'action', 'object', 'outcome', 'change', 'address'],
    entries.map((entry) => [
      entry.at,
      entry.token === null ? entry.actor : `${entry.actor} (${entry.token})`,
      entry.action,
      entry.object,
      entry.outcome,
      changeText(entry),
      entry.address ?? '-',
    ]),
    'No entries.',
  )
}

/** What is another than before, in a line of bounded length; all of it is in the export. */
function changeText({ outcome, before, after }: AuditEntry): string {
  if (outcome === 'refused') {
    const { code = null, attempts } = after ?? {}
    return [code, Number(attempts) > 1 ? `${attempts} times` : null].filter((part) => part !== null).join(', ')
  }
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  const shown = (value: unknown) => (value === undefined || value === null ? '-' : JSON.stringify(value))
  const changes = names
    .map((name) => ({ name, was: shown(before?.[name]), is: shown(after?.[name]) }))
    .filter(({ was, is }) => was !== is)
    .map(({ name, was, is }) => (before === null ? `${name} ${is}` : `${name} ${was} → ${is}`))
  const text = changes.join(', ')
  return text.length > MAX_CHANGE ? `${text.slice(0, MAX_CHANGE - 1)}…` : text
}

const MAX_CHANGE = 80

async function exportEntries(line: CommandLine, org: string | undefined, o: Filter): Promise<void> {
  const client = await connect(line)
  for await (const entry of client.stream(`${pathOf(org)}/export`, auditEntrySchema, { query: queryOf(o) })) {
    line.terminal.print(JSON.stringify(entry))
  }
}
