import { type Command, InvalidArgumentError } from 'commander'
import { organizationAnswerSchema, organizationSchema } from '../api/organizations.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { age, size } from './format.ts'
import { table } from './table.ts'

export function addOrganizationCommands(program: Command, line: CommandLine): void {
  const organization = program.command('organization').description('organizations own repositories')
  addCommand(organization, 'create', 'create an organization; you become its owner (operators)')
    .argument('<name>', 'first part of the names of its repositories')
    .option('--quota-bytes <bytes>', 'most bytes that its repositories may hold', wholeNumber)
    .action((name: string, o: { json?: boolean; quotaBytes?: number }) => create(line, name, o))
  addCommand(organization, 'list', 'list your organizations').action((o: { json?: boolean }) => list(line, o))
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('want a whole number of bytes.')
  return Number(text)
}

async function create(line: CommandLine, name: string, o: { json?: boolean; quotaBytes?: number }): Promise<void> {
  const body = { name, quotaBytes: o.quotaBytes ?? null }
  const document = await (await connect(line)).call('POST', '/organizations', organizationAnswerSchema, { body })
  answer(line, o, document, () => `Created organization ${name}.`)
}

async function list(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const organizations = await (await connect(line)).listAll('/organizations', 'organizations', organizationSchema)
  answer(line, o, { organizations, next: null }, () =>
    table(
      ['organization', 'your role', 'repositories', 'size', 'quota', 'created'],
      organizations.map((organization) => [
        organization.name,
        organization.role ?? '-',
        String(organization.repositories),
        size(organization.sizeBytes),
        organization.quotaBytes === null ? '-' : size(organization.quotaBytes),
        age(organization.createdAt, '-'),
      ]),
      'No organizations.',
    ),
  )
}
