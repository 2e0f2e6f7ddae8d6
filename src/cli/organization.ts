import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  membersPullSchema,
  type Organization,
  organizationAnswerSchema,
  organizationSchema,
} from '../api/organizations.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age, size } from './format.ts'
import { addOrganizationDeleteCommand } from './organization-delete.ts'
import { addOrganizationGlanceCommands } from './organization-glance.ts'
import { properties, table } from './table.ts'
import { addOrganizationUsageCommand } from './usage.ts'

export function addOrganizationCommands(program: Command, line: CommandLine): void {
  const organization = program.command('organization').description('organizations own repositories')
  addCommand(organization, 'create', 'create an organization; you become its owner (operators)')
    .argument('<name>', 'first part of the names of its repositories')
    .option('--quota-bytes <bytes>', 'most bytes that its repositories may hold', wholeNumber)
    .option('--display-name <text>', 'what people call it; default: its name')
    .option('--reuse-name', 'take the name of an organization that was deleted')
    .action((name: string, o: CreateOptions) => create(line, name, o))
  addCommand(organization, 'list', 'list your organizations').action((o: { json?: boolean }) => list(line, o))
  addCommand(organization, 'show', 'show one organization: what it stores, and its quota')
    .argument('<org>', 'name of the organization')
    .action((name: string, o: { json?: boolean }) => show(line, name, o))
  addCommand(organization, 'change', 'change the display name or quota of an organization, or what its members pull')
    .argument('<org>', 'name of the organization')
    .option('--display-name <text>', "what people call it; '': its name (owners)")
    .option('--quota-bytes <bytes>', 'most bytes that its repositories may hold, or none (operators)', quotaBytes)
    .addOption(
      new Option('--members-pull <what>', 'what members pull without a team (owners)').choices(
        membersPullSchema.options,
      ),
    )
    .action((name: string, o: ChangeOptions) => change(line, name, o))
  addOrganizationDeleteCommand(organization, line)
  addOrganizationUsageCommand(organization, line)
  addOrganizationGlanceCommands(organization, line)
}

interface CreateOptions {
  readonly json?: boolean
  readonly displayName?: string
  readonly quotaBytes?: number
  readonly reuseName?: boolean
}

interface ChangeOptions {
  readonly json?: boolean
  readonly displayName?: string
  readonly quotaBytes?: number | null
  readonly membersPull?: string
}

function quotaBytes(text: string): number | null {
  return text === 'none' ? null : wholeNumber(text)
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('want a whole number of bytes.')
  return Number(text)
}

async function create(line: CommandLine, name: string, o: CreateOptions): Promise<void> {
  const body = { name, displayName: o.displayName, quotaBytes: o.quotaBytes ?? null, reuseName: o.reuseName }
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
        organization.sizeBytes === null ? '-' : size(organization.sizeBytes),
        organization.quotaBytes === null ? '-' : size(organization.quotaBytes),
        age(organization.createdAt, '-'),
      ]),
      'No organizations.',
    ),
  )
}

function detailText(organization: Organization): string {
  const { quotaBytes } = organization
  return properties([
    ['Organization', organization.name],
    ['Display name', organization.displayName === '' ? undefined : organization.displayName],
    ['Your role', organization.role ?? 'none (operator)'],
    ['Repositories', String(organization.repositories)],
    ['Size', organization.sizeBytes === null ? undefined : size(organization.sizeBytes)],
    ['of definitions', organization.definitionsBytes ? size(organization.definitionsBytes) : undefined],
    ['Quota', quotaBytes === null ? (organization.sizeBytes === null ? undefined : 'none') : size(quotaBytes)],
    ['Members pull', organization.membersPull === 'all' ? 'all' : 'what their teams are granted'],
    ['Created', age(organization.createdAt, '')],
  ])
}

async function show(line: CommandLine, name: string, o: { json?: boolean }): Promise<void> {
  const path = `/organizations/${segment(name)}`
  const document = await (await connect(line)).call('GET', path, organizationAnswerSchema)
  answer(line, o, document, () => detailText(document.organization))
}

async function change(line: CommandLine, name: string, o: ChangeOptions): Promise<void> {
  const { displayName, quotaBytes, membersPull } = o
  if (displayName === undefined && quotaBytes === undefined && membersPull === undefined) {
    throw new UsageError('give --display-name, --quota-bytes or --members-pull')
  }
  const body = { displayName, quotaBytes, membersPull }
  const path = `/organizations/${segment(name)}`
  const document = await (await connect(line)).call('PATCH', path, organizationAnswerSchema, { body })
  answer(line, o, document, () => detailText(document.organization))
}
